/** The local Open_vSwitch database: taps, chassis settings, and the duties of ovs-vswitchd and ovn-controller there. */
export type { PluggedInterface } from './pluggedInterface.js';
export { Taps, type TapsEvents, type TapsOptions } from './taps.js';
