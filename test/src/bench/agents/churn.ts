import { setTimeout as delay } from 'node:timers/promises';
import { PER_SWITCH, type Site } from './network.js';

/** How long the last changes of a churn may take to arrive, s. */
const LATE_SECONDS = 20;

/** What a stream of changes met. */
export interface Churn {
  changes: number;
  seconds: number;
  /** From before the change is sent to Northbound until the port's own agent has it and acknowledges, ms. */
  localMs: number[];
  /** … until the last agent has it that takes part in the switch. */
  allMs: number[];
  /** Changes that did not reach all who must have them. */
  lost: number;
}

/** Sends numbered changes and hears of their arrival. */
export class Churner {
  readonly #site: Site;
  readonly #began = new Map<number, bigint>();
  readonly #seen = new Map<number, { times: number; local?: bigint; last: bigint }>();
  #number = 0;

  constructor(site: Site) {
    this.#site = site;
  }

  /** To be called with every arrival. */
  seen(number: number, at: bigint, local: boolean): void {
    const one = this.#seen.get(number) ?? { times: 0, last: 0n };
    this.#seen.set(number, one);
    one.times++;
    if (local) one.local = at;
    if (at > one.last) one.last = at;
  }

  /**
   * Changes `rate` ports a second, of the given switches in turn; each has to reach `receivers(network)` agents.
   */
  async run(
    rate: number,
    seconds: number,
    networks: readonly number[],
    receivers: (network: number) => number = () => PER_SWITCH,
  ): Promise<Churn> {
    const first = this.#number;
    const expected = new Map<number, number>();
    const began = process.hrtime.bigint();
    const writes: Promise<void>[] = [];
    for (let n = 0; n < rate * seconds; n++) {
      const due = began + BigInt(Math.round((n * 1e9) / rate));
      const waitMs = Number(due - process.hrtime.bigint()) / 1e6;
      if (waitMs > 1) await delay(waitMs);
      const number = ++this.#number;
      const network = networks[(n * 7) % networks.length]!;
      // One port is changed again only when its last change is long over, so that none is coalesced with the next.
      const slot = Math.floor((n * 7) / networks.length + n) % PER_SWITCH;
      expected.set(number, receivers(network));
      this.#began.set(number, process.hrtime.bigint());
      writes.push(this.#site.change(number, network, slot));
    }
    await Promise.all(writes);
    const took = Number(process.hrtime.bigint() - began) / 1e9;
    const isThere = () =>
      [...expected].every(([number, times]) => (this.#seen.get(number)?.times ?? 0) >= times);
    for (let waited = 0; !isThere() && waited < LATE_SECONDS * 10; waited++) await delay(100);
    return this.#result(first, took, expected);
  }

  #result(first: number, seconds: number, expected: ReadonlyMap<number, number>): Churn {
    const churn: Churn = { changes: expected.size, seconds, localMs: [], allMs: [], lost: 0 };
    for (let number = first + 1; number <= this.#number; number++) {
      const began = this.#began.get(number)!;
      const seen = this.#seen.get(number);
      const ms = (at: bigint) => Number(at - began) / 1e6;
      if (seen?.local !== undefined) churn.localMs.push(ms(seen.local));
      if (seen && seen.times >= expected.get(number)!) churn.allMs.push(ms(seen.last));
      else churn.lost++;
      this.#seen.delete(number);
      this.#began.delete(number);
    }
    return churn;
  }
}
