import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';

/** Long work in pieces: the event loop turns at least every `milliseconds`. */
export class TimeSlice {
  readonly #milliseconds: number;
  #end: number;

  constructor(milliseconds = 3) {
    this.#milliseconds = milliseconds;
    this.#end = performance.now() + milliseconds;
  }

  get over(): boolean {
    return performance.now() >= this.#end;
  }

  async turn(): Promise<void> {
    await setImmediate();
    this.#end = performance.now() + this.#milliseconds;
  }

  readonly breathe = async (): Promise<void> => {
    if (this.over) await this.turn();
  };
}
