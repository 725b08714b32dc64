/** Doubling pauses with jitter, so that a thousand agents do not come back in the same millisecond. */
export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  #nextMs: number;

  constructor({ minMs, maxMs }: { minMs: number; maxMs: number }) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.#nextMs = minMs;
  }

  /** @returns milliseconds to wait now: between half and all of the current pause */
  next(): number {
    const pause = this.#nextMs;
    this.#nextMs = Math.min(this.#maxMs, pause * 2);
    return pause / 2 + (Math.random() * pause) / 2;
  }

  /** The longest pause, for what waiting a little does not cure. */
  longest(): number {
    this.#nextMs = this.#maxMs;
    return this.next();
  }

  reset(): void {
    this.#nextMs = this.#minMs;
  }
}
