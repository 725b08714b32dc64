import { HoverError } from './hoverError.js';

/** Hands out the lowest number that is free. */
export class NumberPool {
  readonly #taken = new Set<number>();
  /** Every number below is taken. */
  #lowest: number;

  constructor(
    readonly first: number,
    readonly last = Number.MAX_SAFE_INTEGER,
    /** What is said when there is none left; Hover's own words for ports. */
    readonly exhausted = 'HandlePool: pool empty',
  ) {
    this.#lowest = first;
  }

  /** @throws HoverError when all up to `last` are taken */
  take(last = this.last): number {
    let number = this.#lowest;
    while (this.#taken.has(number)) number++;
    if (number > last) throw new HoverError(this.exhausted);
    this.#taken.add(number);
    this.#lowest = number + 1;
    return number;
  }

  release(number: number): void {
    if (this.#taken.delete(number)) this.#lowest = Math.min(this.#lowest, number);
  }
}
