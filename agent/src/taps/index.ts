/** The local Open_vSwitch database: taps, chassis settings, and the duties of ovs-vswitchd and ovn-controller there. */

export type { NbCfg } from './integrationBridge.js';
export { isMade, removeMadeDevices } from './madeDevices.js';
export type { DevicesDelta, PluggedDelta } from './pluggedDelta.js';
export type { PluggedInterface } from './pluggedInterface.js';
export { readSystemIdOverride } from './systemIdOverride.js';
export { Taps, type TapsEvents, type TapsOptions, type TapsWork } from './taps.js';
