/** The addresses that may be leased, both included, and those between them that may not. */
export interface Pool {
  low: number;
  high: number;
  excluded: ReadonlySet<number>;
}

interface Lease {
  /** Undefined: somebody else has the address, as a client found (DHCPDECLINE). */
  client: string | undefined;
  /** Milliseconds; after that another client may get the address. */
  until: number;
}

/** How many leases are looked at, oldest first, for one that has ended. */
const LOOKED_AT = 256;

/**
 * Who has which address. A client gets the one that it had as long as nobody else needed it; a new one begins its search at
 * a place that its identity chooses, so it as a rule gets the same again even from a server that has forgotten everything.
 */
export class Leases {
  #pool: Pool;
  /** By address; those that were given or renewed last are at the end. */
  readonly #leases = new Map<number, Lease>();
  readonly #addresses = new Map<string, number>();
  readonly #now: () => number;

  constructor(pool: Pool, now: () => number) {
    this.#pool = pool;
    this.#now = now;
  }

  /** Leases of addresses that are not in it any more end. */
  set pool(pool: Pool) {
    this.#pool = pool;
    for (const address of [...this.#leases.keys()]) if (!this.#inPool(address)) this.#forget(address);
  }

  /** Of clients, not of those that were only declined. */
  get size(): number {
    return this.#addresses.size;
  }

  /** An address for the client, held for `ms`: that it has or had, else that it wishes, else any. Undefined: there is none left. */
  offer(client: string, wish: number | undefined, ms: number): number | undefined {
    const had = this.#addresses.get(client);
    const address = had ?? (wish !== undefined && this.#free(wish) ? wish : this.#find(client));
    if (address === undefined) return undefined;
    // An offer must not shorten a lease.
    const until = Math.max(this.#now() + ms, had === undefined ? 0 : this.#leases.get(had)!.until);
    this.#set(address, { client, until });
    return address;
  }

  /** Gives the client the address that it asks for. Whether it could. */
  take(client: string, address: number, ms: number): boolean {
    const had = this.#addresses.get(client);
    if (address !== had && !this.#free(address)) return false;
    if (had !== undefined && had !== address) this.#forget(had);
    this.#set(address, { client, until: this.#now() + ms });
    return true;
  }

  /**
   * The client does not need its address, or only if it is `address`; it gets the same when it comes back before somebody else
   * gets it.
   */
  release(client: string, address = this.#addresses.get(client)): void {
    const lease = address === undefined ? undefined : this.#leases.get(address);
    if (lease?.client === client) lease.until = Number.NEGATIVE_INFINITY;
  }

  /** The client found that somebody else has the address: nobody gets it for `ms`. */
  decline(client: string, address: number, ms: number): void {
    if (this.#leases.get(address)?.client !== client) return;
    this.#forget(address);
    this.#set(address, { client: undefined, until: this.#now() + ms });
  }

  #inPool(address: number): boolean {
    const { low, high, excluded } = this.#pool;
    return address >= low && address <= high && !excluded.has(address);
  }

  /** Nobody has it, or nobody any more. */
  #free(address: number): boolean {
    const lease = this.#leases.get(address);
    return this.#inPool(address) && (lease === undefined || lease.until <= this.#now());
  }

  #find(client: string): number | undefined {
    const { low, high, excluded } = this.#pool;
    const count = high - low + 1;
    if (this.#leases.size < count - excluded.size) {
      const start = hash(client) % count;
      for (let i = 0; i < count; i++) {
        const address = low + ((start + i) % count);
        if (!excluded.has(address) && !this.#leases.has(address)) return address;
      }
    }
    let looked = 0;
    for (const address of this.#leases.keys()) {
      if (this.#free(address)) return address;
      if (++looked === LOOKED_AT) break;
    }
    return undefined;
  }

  #set(address: number, lease: Lease): void {
    this.#forget(address);
    this.#leases.set(address, lease);
    if (lease.client !== undefined) this.#addresses.set(lease.client, address);
  }

  #forget(address: number): void {
    const client = this.#leases.get(address)?.client;
    this.#leases.delete(address);
    if (client !== undefined) this.#addresses.delete(client);
  }
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
