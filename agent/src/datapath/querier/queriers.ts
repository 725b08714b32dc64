import type { MulticastQuerier } from '@iovisor-ovn/proto';
import type { Vlan } from '../compile/kind.js';
import { TimeSlice } from '../timeSlice.js';
import { queryFrames, withTag } from './queryFrames.js';

/** Where a machine of a switch is. */
export interface Receiver {
  ifindex: number;
  vlan: Vlan | undefined;
}

export interface QueriersOptions {
  /** Every port of a switch that forwards here, with its device. */
  receivers(switchId: string): Iterable<Receiver>;
  /** Best effort: what is lost comes again. */
  send(ifindex: number, frame: Buffer): void;
}

interface Asking {
  readonly text: string;
  readonly frames: readonly Buffer[];
  readonly timer: NodeJS.Timeout;
}

/**
 * Asks the machines of switches here which multicast groups they want, where Northbound wants that. As with ovn-controller
 * each chassis asks at its own ports, localnet ports among them, at once and then at the interval; nothing goes into tunnels.
 */
export class Queriers {
  readonly #options: QueriersOptions;
  readonly #asking = new Map<string, Asking>();
  /** Switches where nobody has asked yet. */
  readonly #due = new Set<string>();

  constructor(options: QueriersOptions) {
    this.#options = options;
  }

  /** @param querier undefined: nobody asks there */
  set(switchId: string, querier: MulticastQuerier | undefined): void {
    const before = this.#asking.get(switchId);
    const text =
      querier &&
      JSON.stringify(querier, (_, value) => (value instanceof Uint8Array ? [...value].join() : value));
    if (before?.text === text) return;
    if (before !== undefined) clearInterval(before.timer);
    this.#asking.delete(switchId);
    if (querier === undefined || text === undefined) return;
    const frames = queryFrames(querier);
    const ask = () => void this.#ask(switchId, frames);
    this.#asking.set(switchId, { text, frames, timer: setInterval(ask, querier.interval * 1000).unref() });
    this.#due.add(switchId);
  }

  /** Asks where nobody has asked yet: the ports that came with the switch are there now. */
  begin(): void {
    for (const switchId of this.#due) {
      const asking = this.#asking.get(switchId);
      if (asking !== undefined) void this.#ask(switchId, asking.frames);
    }
    this.#due.clear();
  }

  close(): void {
    for (const { timer } of this.#asking.values()) clearInterval(timer);
    this.#asking.clear();
  }

  async #ask(switchId: string, frames: readonly Buffer[]): Promise<void> {
    const slice = new TimeSlice();
    for (const { ifindex, vlan } of [...this.#options.receivers(switchId)]) {
      // It may have been changed, or all have been closed, meanwhile.
      if (this.#asking.get(switchId)?.frames !== frames) return;
      for (const frame of frames)
        this.#options.send(ifindex, vlan === undefined ? frame : withTag(frame, vlan));
      await slice.breathe();
    }
  }
}
