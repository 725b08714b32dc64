import type { PluggedInterface } from './pluggedInterface.js';

/** How `Taps.plugged` differs from what it was at the last event. An iface-id is in one of the two lists at most. */
export interface PluggedDelta {
  /** Came, or are otherwise than before: another device (`ifindex`), another Interface row, other attributes. */
  readonly upserts: readonly PluggedInterface[];
  /** iface-ids that are plugged no more. */
  readonly removals: readonly string[];
}

/** How `Taps.devices` differs from what it was at the last event. Apply `removed` first: see `added`. */
export interface DevicesDelta {
  /**
   * ifindexes that came or have another name now. One that is among `removed` too is another device with the number of one
   * that is gone: what was attached to that went with it.
   */
  readonly added: readonly number[];
  /** ifindexes of devices that are plugged no more, or do not exist any more. */
  readonly removed: readonly number[];
}
