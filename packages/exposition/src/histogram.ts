import type { Sample } from './family.js';

/** A cumulative histogram with fixed buckets. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  /** @param bounds upper bounds (inclusive), ascending, in the unit of the metric's name; +Inf is added */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    const bucket = this.#bounds.findIndex((bound) => value <= bound);
    if (bucket >= 0) this.#counts[bucket]!++;
    this.#sum += value;
    this.#count++;
  }

  *samples(labels: Readonly<Record<string, string>> = {}): Generator<Sample> {
    let below = 0;
    for (const [i, bound] of this.#bounds.entries()) {
      below += this.#counts[i]!;
      yield { suffix: '_bucket', labels: { ...labels, le: String(bound) }, value: below };
    }
    yield { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: this.#count };
    yield { suffix: '_sum', labels, value: this.#sum };
    yield { suffix: '_count', labels, value: this.#count };
  }
}
