/**
 * Gives each piece of work a turn of the event loop of its own, in the order they came: what one has written to its socket
 * is on its way before the next begins.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];

  next(work: () => void): void {
    if (this.#waiting.push(work) === 1) setImmediate(this.#run);
  }

  readonly #run = (): void => {
    const work = this.#waiting.shift();
    if (this.#waiting.length > 0) setImmediate(this.#run);
    work?.();
  };
}
