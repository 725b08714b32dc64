/** Intents in, map entries and attachments out. */
export type { HookChoice } from './attach/hooksFor.js';
export type { Damage, Damages } from './audit/damages.js';
export type { Applied, Change } from './change.js';
export { cleanup } from './cleanup.js';
export { Datapath, type DatapathOptions, type Plugged } from './datapath.js';
export type { ForwardingDelta } from './forwardingPorts.js';
export type { Observation } from './observe/observer.js';
export { versionsIn } from './pins.js';
export { refOfUnit } from './refOfUnit.js';
export type { FurtherWire } from './wires.js';
