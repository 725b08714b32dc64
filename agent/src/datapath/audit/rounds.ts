import { performance } from 'node:perf_hooks';
import type { Log } from '../../netlink/index.js';
import { TimeSlice } from '../timeSlice.js';

/** Half a percent of a core. */
const SHARE = 1 / 200;
/** A piece of a round, and the rest of the process's turn after it: a change that comes meanwhile hardly notices. */
const PIECE = { milliseconds: 2, rest: 10 };

export interface RoundsOptions {
  /** From one round to the next at least, ms; 0: there are none. */
  least: number;
  /** Of the time from one round to the next, how much a round may work at most. Default {@link SHARE} */
  share?: number;
  /** One round; false: there was nothing to look at. Its slice throws AbortError when the round shall end. */
  walk(slice: TimeSlice): Promise<boolean>;
  log: Log;
}

/** Looks at everything in the kernel again and again, at a cost that is bounded however much there is. */
export class Rounds {
  readonly #options: RoundsOptions;
  #timer: NodeJS.Timeout | undefined;
  #walking: { work: Promise<void>; abort: AbortController } | undefined;
  #complaint = '';
  #interrupted = false;
  #done = 0;
  #spent = 0;

  constructor(options: RoundsOptions) {
    this.#options = options;
    if (options.least > 0) this.#later(options.least);
  }

  /** Rounds that came to their end. */
  get done(): number {
    return this.#done;
  }

  /** Processor time that all of them took, ms. */
  get spent(): number {
    return this.#spent;
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
      if (await this.#options.walk(slice)) this.#done++;
      this.#interrupted = false;
    } catch (error) {
      // Somebody else wants to look, or it is the end.
      if (!signal.aborted) complaint = (error as Error).message;
    }
    if (complaint !== '' && complaint !== this.#complaint)
      this.#options.log.error({ error: complaint }, 'what is in the kernel cannot be compared');
    this.#complaint = complaint;
    this.#walking = undefined;
    this.#spent += slice.spent;
    const { least, share = SHARE } = this.#options;
    this.#later(Math.max(least, slice.spent / share - (performance.now() - began)));
  }

  /** Ends the round that is on, unless the one before was ended, too; the next comes in time. */
  interrupt(): void {
    if (this.#interrupted || this.#walking === undefined) return;
    this.#interrupted = true;
    this.#walking.abort.abort();
  }

  async close(): Promise<void> {
    this.#walking?.abort.abort();
    await this.#walking?.work;
    clearTimeout(this.#timer);
  }
}
