import { Refused } from './refused.js';

interface Holding {
  number: number;
  /** Undefined: found in the pinned maps, and nobody has asked for it yet. */
  owner: string | undefined;
}

/**
 * Hands out instance numbers (ports, datapaths, tunnels, security elements): dense, from 1. What a number stands for
 * (its identity) is found in the maps again after a restart, so a restarted agent hands out the same numbers.
 *
 * Invariant: a released number is not handed out to another owner before settle(), which is called when the map
 * entries that point at it are gone: a packet in between must not find somebody else behind it.
 */
export class Numbers {
  readonly #what: string;
  readonly #max: number;
  readonly #byIdentity = new Map<string, Holding>();
  readonly #limbo = new Map<number, { identity: string; owner: string | undefined }>();
  /** The latest number in limbo of each identity. */
  readonly #limboOf = new Map<string, number>();
  readonly #used = new Set<number>();
  #low = 1;
  #changes = 0;

  /** @param max largest number, i.e. max_entries of the array − 1 */
  constructor(what: string, max: number) {
    this.#what = what;
    this.#max = max;
  }

  /** Notes a number found in the maps at start. */
  recover(identity: string, number: number): void {
    if (this.#used.has(number) || this.#byIdentity.has(identity)) return;
    this.#used.add(number);
    this.#byIdentity.set(identity, { number, owner: undefined });
  }

  /** @throws Refused when another owner holds this identity, or all numbers are in use */
  allocate(identity: string, owner: string): number {
    const holding = this.#byIdentity.get(identity);
    if (holding !== undefined) {
      if (holding.owner !== undefined && holding.owner !== owner) {
        throw new Refused(`${this.#what} ${identity} is already taken by ${holding.owner}`);
      }
      holding.owner = owner;
      return holding.number;
    }
    const number = this.#returning(identity, owner) ?? this.#free();
    this.#used.add(number);
    this.#byIdentity.set(identity, { number, owner });
    return number;
  }

  /** The same owner may have back, before settle(), what it just released. */
  #returning(identity: string, owner: string): number | undefined {
    const number = this.#limboOf.get(identity);
    if (number === undefined || this.#limbo.get(number)?.owner !== owner) return undefined;
    this.#limbo.delete(number);
    this.#limboOf.delete(identity);
    return number;
  }

  #free(): number {
    while (this.#used.has(this.#low)) this.#low++;
    if (this.#low > this.#max) throw new Refused(`all ${this.#max} ${this.#what} numbers are in use`);
    return this.#low;
  }

  /** Does nothing if the owner does not hold it. */
  release(identity: string, owner: string): void {
    const holding = this.#byIdentity.get(identity);
    if (holding?.owner !== owner) return;
    this.#toLimbo(identity, holding);
  }

  /** What another one has handed out, to the same owners; what that one gives back meanwhile nobody gets here. */
  adopt(other: Numbers): void {
    for (const [identity, holding] of other.#byIdentity) this.#byIdentity.set(identity, { ...holding });
    for (const number of other.#used) this.#used.add(number);
  }

  /** Gives back what nobody asked for since recover(): to be called when all that is wanted has been allocated. */
  releaseUnclaimed(): void {
    for (const [identity, { number, owner }] of this.#byIdentity) {
      if (owner !== undefined) continue;
      this.#toLimbo(identity, { number, owner });
    }
  }

  #toLimbo(identity: string, { number, owner }: Holding): void {
    this.#byIdentity.delete(identity);
    this.#limbo.set(number, { identity, owner });
    this.#limboOf.set(identity, number);
    this.#changes++;
  }

  /** Numbers that settle() would free. */
  get released(): readonly number[] {
    return [...this.#limbo.keys()];
  }

  /** The maps no longer point at the given released numbers. */
  settle(numbers: Iterable<number> = this.released): void {
    for (const number of numbers) {
      const was = this.#limbo.get(number);
      if (was === undefined) continue;
      this.#limbo.delete(number);
      if (this.#limboOf.get(was.identity) === number) this.#limboOf.delete(was.identity);
      this.#used.delete(number);
      this.#low = Math.min(this.#low, number);
      this.#changes++;
    }
  }

  /** Counts what may let succeed an allocation that was refused before. */
  get changes(): number {
    return this.#changes;
  }

  get size(): number {
    return this.#byIdentity.size;
  }
}
