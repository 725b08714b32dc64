/** Iterates what is costly to make: the first to do so makes it, bit by bit, and the next get the same. One after the other. */
export class Once<T> implements Iterable<T> {
  readonly #source: Iterable<T>;
  #made: T[] | undefined;

  constructor(source: Iterable<T>) {
    this.#source = source;
  }

  *[Symbol.iterator](): Generator<T> {
    if (this.#made !== undefined) {
      yield* this.#made;
      return;
    }
    const made: T[] = [];
    for (const one of this.#source) {
      made.push(one);
      yield one;
    }
    this.#made = made;
  }
}
