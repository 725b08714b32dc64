/** For tests of other rooms: what takes input from others, each alone. */
export { serveMetrics } from '@iovisor-ovn/exposition';
export { type Config, makeConfig, readOptions, UsageError } from './config/index.js';
export { CONFIG_MAPS } from './datapath/entry.js';
export type { Datapath } from './datapath/index.js';
export { all, Kernel } from './datapath/testsupport/kernel.js';
export { HealthServer } from './health/index.js';
export { Hover } from './hover/hover.js';
export { FakeDevices } from './hover/testsupport/fakeDevices.js';
export { RecordingEngine } from './hover/testsupport/recordingEngine.js';
export {
  chassisIntent,
  groupIntent,
  learnedIntent,
  portIntent,
  switchIntent,
} from './testsupport/intents.js';
