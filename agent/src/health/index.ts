export { type HealthName, HealthServer } from './healthServer.js';
