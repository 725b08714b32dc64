/** Shortest and longest pause between two rounds of connection attempts, in milliseconds. */
export interface BackoffLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Exponential back-off with jitter, so that the clients of a server that came back do not all come at once. */
export class Backoff {
  readonly #limits: BackoffLimits;
  readonly #random: () => number;
  #failures = 0;

  constructor(limits: BackoffLimits, random: () => number = Math.random) {
    this.#limits = limits;
    this.#random = random;
  }

  /** The next pause in milliseconds: doubles each time up to the limit, and lies between half and all of it. */
  next(): number {
    const { minMs, maxMs } = this.#limits;
    const full = Math.min(maxMs, minMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    return Math.max(minMs / 2, full * (0.5 + this.#random() / 2));
  }

  reset(): void {
    this.#failures = 0;
  }
}
