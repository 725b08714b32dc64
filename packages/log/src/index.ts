export { clean } from './clean.js';
export { type LogLevelName, logLevels } from './levels.js';
export { type LogOptions, openLog } from './open.js';
export { pretty } from './pretty.js';
export { Repeats } from './repeats.js';
