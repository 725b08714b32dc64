/** OFPP_LOCAL: the port of the bridge's own name. */
export const OFPORT_LOCAL = 65534;
/** Above this OpenFlow has reserved ports (OFPP_MAX is 0xff00). */
const OFPORT_MAX = 65279;

/** An interface that is to have a number. */
export interface OfportWish {
  readonly uuid: string;
  /** Interface.ofport_request. */
  readonly request?: number;
}

/**
 * The OpenFlow port numbers of one bridge. Nothing here speaks OpenFlow, but ovn-controller, Neutron and ovs-vsctl(8) take an
 * Interface without a positive number for one that is not plugged. A number stays while the interface is plugged and comes
 * back to it if it is still free.
 */
export class Ofports {
  readonly #numberOf = new Map<string, number>();
  readonly #owner = new Map<number, string>();
  readonly #former = new Map<string, number>();
  #last = 0;

  get(uuid: string): number | undefined {
    return this.#numberOf.get(uuid);
  }

  /** Keeps the number that the database has for an interface, from before a restart, unless another has it. */
  reserve(uuid: string, recorded: number | undefined): void {
    if (!this.#numberOf.has(uuid)) this.#take(uuid, recorded);
  }

  /** Gives each of these interfaces a number. Those that have one keep it, unless they ask for another that is free. */
  assign(wishes: readonly OfportWish[]): void {
    const rest = wishes.filter(({ uuid, request }) => !this.#take(uuid, request));
    const without = rest.filter(
      ({ uuid }) => !this.#numberOf.has(uuid) && !this.#take(uuid, this.#former.get(uuid)),
    );
    for (const { uuid } of without) this.#take(uuid, this.#free());
  }

  /** The interface is unplugged: its number is free, though it gets it back if nobody took it meanwhile. */
  release(uuid: string): void {
    const number = this.#numberOf.get(uuid);
    if (number === undefined) return;
    this.#numberOf.delete(uuid);
    this.#owner.delete(number);
    this.#former.set(uuid, number);
  }

  /** The row is gone. */
  forget(uuid: string): void {
    this.release(uuid);
    this.#former.delete(uuid);
  }

  #take(uuid: string, number: number | undefined): boolean {
    if (number === undefined || number < 1 || number > OFPORT_MAX) return false;
    const owner = this.#owner.get(number);
    if (owner === uuid) return true;
    if (owner !== undefined) return false;
    const before = this.#numberOf.get(uuid);
    if (before !== undefined) this.#owner.delete(before);
    this.#numberOf.set(uuid, number);
    this.#owner.set(number, uuid);
    this.#last = Math.max(this.#last, number);
    return true;
  }

  /** The next above all that were given out, so that a number means the same port for long; from the start when exhausted. */
  #free(): number | undefined {
    if (this.#last < OFPORT_MAX) return this.#last + 1;
    for (let number = 1; number <= OFPORT_MAX; number++) if (!this.#owner.has(number)) return number;
    return undefined;
  }
}
