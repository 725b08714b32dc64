export type { CoordinatorConfig } from './config/coordinator-config.js';
export { readCoordinatorConfig } from './config/coordinator-config.js';
export { UsageError } from './config/settings.js';
export { Coordinator } from './coordinator.js';
export { version } from './version.js';
