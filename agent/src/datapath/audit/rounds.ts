import { performance } from 'node:perf_hooks';
import type { Log } from '../../netlink/index.js';
import { TimeSlice } from '../timeSlice.js';

/** Of the time from one round to the next, the share that a round may work: half a percent of a core. */
const SHARE = 1 / 200;
/** A piece of a round, and the rest of the process's turn after it: a change that comes meanwhile hardly notices. */
const PIECE = { milliseconds: 2, rest: 10 };

export interface RoundsOptions {
  /** From one round to the next at least, ms; 0: there are none. */
  least: number;
  /** One round. Its slice throws AbortError when the round shall end. */
  walk(slice: TimeSlice): Promise<void>;
  log: Log;
}

/** Looks at everything in the kernel again and again, at a cost that is bounded however much there is. */
export class Rounds {
  readonly #options: RoundsOptions;
  #timer: NodeJS.Timeout | undefined;
  #walking: { work: Promise<void>; abort: AbortController } | undefined;
  #complaint = '';

  constructor(options: RoundsOptions) {
    this.#options = options;
    if (options.least > 0) this.#later(options.least);
  }

  #later(milliseconds: number): void {
    this.#timer = setTimeout(() => this.#begin(), milliseconds).unref();
  }

  #begin(): void {
    const abort = new AbortController();
    this.#walking = { work: this.#walk(abort.signal), abort };
  }

  async #walk(signal: AbortSignal): Promise<void> {
    const began = performance.now();
    const slice = new TimeSlice({ ...PIECE, signal });
    let complaint = '';
    try {
      await this.#options.walk(slice);
    } catch (error) {
      // Somebody else wants to look, or it is the end.
      if (!signal.aborted) complaint = (error as Error).message;
    }
    if (complaint !== '' && complaint !== this.#complaint)
      this.#options.log.error({ error: complaint }, 'what is in the kernel cannot be compared');
    this.#complaint = complaint;
    this.#walking = undefined;
    const { least } = this.#options;
    this.#later(Math.max(least, slice.spent / SHARE - (performance.now() - began)));
  }

  /** Ends the round that is on, if any; the next comes in time. */
  interrupt(): void {
    this.#walking?.abort.abort();
  }

  async close(): Promise<void> {
    this.interrupt();
    await this.#walking?.work;
    clearTimeout(this.#timer);
  }
}
