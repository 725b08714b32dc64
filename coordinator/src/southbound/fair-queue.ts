/** Of each hypervisor in one write, and of all together. */
const maxPerChassis = 50;
const maxPerWrite = 500;

/**
 * What data planes hinted at and is to be written, by chassis name and by key. Taken in small portions and in turn: one hypervisor
 * that reports without end does not hold up what others report.
 */
export class FairQueue<T> {
  readonly #waiting = new Map<string, Map<string, T>>();

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** How many wait of a chassis. */
  count(chassis: string): number {
    return this.#waiting.get(chassis)?.size ?? 0;
  }

  has(chassis: string, key: string): boolean {
    return this.#waiting.get(chassis)?.has(key) ?? false;
  }

  /** In place of an earlier one of this key. */
  put(chassis: string, key: string, item: T): void {
    const waiting = this.#waiting.get(chassis) ?? new Map<string, T>();
    this.#waiting.set(chassis, waiting.set(key, item));
  }

  delete(chassis: string, key: string): void {
    const waiting = this.#waiting.get(chassis);
    waiting?.delete(key);
    if (waiting?.size === 0) this.#waiting.delete(chassis);
  }

  /** All of a chassis. */
  forget(chassis: string): void {
    this.#waiting.delete(chassis);
  }

  /**
   * Takes out what one write should have.
   * @param isReady what is not stays
   */
  *take(isReady: (key: string, item: T) => boolean): Generator<[key: string, item: T]> {
    let left = maxPerWrite;
    for (const [chassis, waiting] of [...this.#waiting]) {
      let own = Math.min(left, maxPerChassis);
      for (const [key, item] of waiting) {
        if (own <= 0) break;
        if (!isReady(key, item)) continue;
        waiting.delete(key);
        own--;
        left--;
        yield [key, item];
      }
      // Next time others come first.
      this.#waiting.delete(chassis);
      if (waiting.size > 0) this.#waiting.set(chassis, waiting);
      if (left <= 0) return;
    }
  }
}
