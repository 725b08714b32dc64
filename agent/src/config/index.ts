/** Flags, environment and files of iovisor-agent. */
export { type Config, exposedText, HOVER_TLS, isExposed, makeConfig } from './config.js';
export { preflight } from './preflight.js';
export { Printed, readOptions } from './readOptions.js';
export { UsageError } from './usageError.js';
