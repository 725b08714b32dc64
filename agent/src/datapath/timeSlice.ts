import { performance } from 'node:perf_hooks';
import { setImmediate, setTimeout } from 'node:timers/promises';

export interface TimeSliceOptions {
  /** Length of a piece. Default 3 */
  milliseconds?: number;
  /** How long the rest of the process has the processor to itself after each piece, ms. Default: one turn of the event loop */
  rest?: number;
  /** Ends the work: turn() and away() throw AbortError then. */
  signal?: AbortSignal;
}

/** Long work in pieces: the event loop turns at least every `milliseconds`. */
export class TimeSlice {
  readonly #milliseconds: number;
  readonly #rest: number;
  readonly #signal: AbortSignal | undefined;
  #began = performance.now();
  #cpu = process.cpuUsage();
  #spent = 0;

  constructor({ milliseconds = 3, rest = 0, signal }: TimeSliceOptions = {}) {
    this.#milliseconds = milliseconds;
    this.#rest = rest;
    this.#signal = signal;
  }

  get over(): boolean {
    return performance.now() - this.#began >= this.#milliseconds;
  }

  /** Milliseconds of processor time that the process has used in all pieces up to now. */
  get spent(): number {
    const { user, system } = process.cpuUsage(this.#cpu);
    return this.#spent + (user + system) / 1000;
  }

  turn(): Promise<void> {
    return this.away(this.#rest === 0 ? setImmediate() : setTimeout(this.#rest, undefined, { ref: false }));
  }

  /** Waits for others; what they need is none of this work's. */
  async away(others: Promise<void>): Promise<void> {
    this.#signal?.throwIfAborted();
    this.#spent = this.spent;
    await others;
    this.#cpu = process.cpuUsage();
    this.#began = performance.now();
    this.#signal?.throwIfAborted();
  }

  readonly breathe = async (): Promise<void> => {
    if (this.over) await this.turn();
  };
}
