import { Histogram } from '@iovisor-ovn/exposition';
import { latencyBounds } from '../metrics/intent-latency.js';

/** What came of what was to be written to Southbound, since the start. */
export class WriteCounts {
  readonly transactions = { committed: 0, refused: 0, retried: 0 };
  readonly writes = { done: 0, refused: 0, retried: 0 };
  /** From queue() until it is done, in seconds. */
  readonly latency = new Histogram(latencyBounds);
  /** When what is not done yet was asked for first, as performance.now() says, by key. */
  readonly #asked = new Map<string, number>();

  get pending(): number {
    return this.#asked.size;
  }

  asked(key: string): void {
    if (!this.#asked.has(key)) this.#asked.set(key, performance.now());
  }

  /** It is in Southbound, or was there already. `again`: the same key was asked for anew meanwhile. */
  done(key: string, again: boolean): void {
    const now = performance.now();
    const asked = this.#asked.get(key) ?? now;
    this.latency.observe((now - asked) / 1000);
    this.writes.done++;
    this.#forget(key, again);
  }

  refused(key: string, again: boolean): void {
    this.writes.refused++;
    this.#forget(key, again);
  }

  /** Given up before it was done. */
  dropped(key: string, again: boolean): void {
    this.#forget(key, again);
  }

  #forget(key: string, again: boolean): void {
    if (again) this.#asked.set(key, performance.now());
    else this.#asked.delete(key);
  }
}
