/**
 * A small generator of pseudo-random numbers (mulberry32): the same seed gives the same sequence everywhere, so a seed is
 * all one has to know to have a run again.
 */
export class Random {
  #state: number;

  /** @param seed any integers; each counts */
  constructor(...seed: number[]) {
    this.#state = 0;
    for (const part of seed) {
      this.#state = (this.#state ^ (part >>> 0)) >>> 0;
      // Mixed in between: (1, 2) and (2, 1) are different runs.
      this.#state = this.#next();
    }
  }

  /** 0 … below - 1 */
  int(below: number): number {
    return Math.floor((this.#next() / 2 ** 32) * below);
  }

  chance(probability: number): boolean {
    return this.#next() / 2 ** 32 < probability;
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new Error('nothing to pick from');
    return list[this.int(list.length)]!;
  }

  /** Each choice with its weight: one that weighs twice as much comes twice as often. */
  weighted<T>(choices: readonly (readonly [weight: number, choice: T])[]): T {
    const sum = choices.reduce((total, [weight]) => total + weight, 0);
    let left = (this.#next() / 2 ** 32) * sum;
    for (const [weight, choice] of choices) {
      left -= weight;
      if (left < 0) return choice;
    }
    return choices.at(-1)![1];
  }

  /** `count` different elements, or all. */
  some<T>(list: readonly T[], count: number): T[] {
    const rest = [...list];
    const taken: T[] = [];
    while (taken.length < count && rest.length > 0) taken.push(...rest.splice(this.int(rest.length), 1));
    return taken;
  }

  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }
}
