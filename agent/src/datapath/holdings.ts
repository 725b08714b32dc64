import type { Numbers } from './numbers.js';

/** Which numbers each owner (a resource id) holds. */
export class Holdings {
  readonly #numbers: Numbers;
  readonly #held = new Map<string, Map<string, number>>();
  readonly #owners = new Map<number, string>();

  constructor(numbers: Numbers) {
    this.#numbers = numbers;
  }

  /** The owner's one number, for the identity it has now. @throws Refused */
  hold(owner: string, identity: string): number {
    this.keepOnly(owner, new Set([identity]));
    return this.holdOneOf(owner, identity);
  }

  /** One of several numbers of the owner. @throws Refused */
  holdOneOf(owner: string, identity: string): number {
    const held = this.#held.get(owner) ?? new Map<string, number>();
    let number = held.get(identity);
    if (number === undefined) {
      number = this.#numbers.allocate(identity, owner);
      this.#held.set(owner, held.set(identity, number));
      this.#owners.set(number, owner);
    }
    return number;
  }

  /** Releases all but these. */
  keepOnly(owner: string, identities: ReadonlySet<string>): void {
    const held = this.#held.get(owner);
    for (const [identity, number] of held ?? []) {
      if (identities.has(identity)) continue;
      this.#owners.delete(number);
      held!.delete(identity);
      this.#numbers.release(identity, owner);
    }
    if (held?.size === 0) this.#held.delete(owner);
  }

  release(owner: string): void {
    this.keepOnly(owner, new Set());
  }

  /** The owner's number when it holds one. */
  number(owner: string): number | undefined {
    return this.#held.get(owner)?.values().next().value;
  }

  /** Who holds a number. */
  owner(number: number): string | undefined {
    return this.#owners.get(number);
  }

  /** Owners and their (first) number. */
  *entries(): Generator<[string, number]> {
    for (const [owner, held] of this.#held) for (const number of held.values()) yield [owner, number];
  }
}
