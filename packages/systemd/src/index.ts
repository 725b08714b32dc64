export { type ServiceLog, ServiceManager } from './serviceManager.js';
