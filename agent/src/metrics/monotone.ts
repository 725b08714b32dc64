/**
 * Sum over counters that come and go. It never falls: what a counter had when it went stays in, and one that begins anew is added
 * from there. A sum that fell would look to Prometheus like a restart, and all of it like new.
 */
export class MonotoneSum {
  readonly #last = new Map<string, bigint>();
  #total = 0n;

  get total(): bigint {
    return this.#total;
  }

  /** The counter `key` is at `value` now. */
  note(key: string, value: bigint): void {
    const before = this.#last.get(key) ?? 0n;
    this.#total += value >= before ? value - before : value;
    this.#last.set(key, value);
  }

  /** Forgets counters that are gone: one that comes back under the same key begins at 0. */
  keepOnly(isThere: (key: string) => boolean): void {
    for (const key of this.#last.keys()) if (!isThere(key)) this.#last.delete(key);
  }
}
