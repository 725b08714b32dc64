/** What a datapath's table may hold (SB IP_Multicast). */
export interface SnoopLimits {
  idleMs: number;
  tableSize: number;
}

/** A multicast router that is not heard of any more is one for so long (ovs mcast-snooping.h). */
const routerIdleMs = 180_000;

/** Address of the row that lists ports with multicast routers (OVN_IGMP_GROUP_MROUTERS). */
export const routersAddress = 'mrouters';

/**
 * Who wants which multicast group, of one datapath on one chassis, as ovn-controller's mcast_snooping has it. Times are
 * milliseconds of any clock. Each change returns the addresses whose ports are others now.
 */
export class SnoopTable {
  /** Ports with the time they expire, by address; the group that was heard of last is the last. */
  readonly #groups = new Map<string, Map<string, number>>();
  /** Nothing expires before. */
  #next = Number.POSITIVE_INFINITY;

  get isEmpty(): boolean {
    return this.#groups.size === 0;
  }

  get addresses(): string[] {
    return [...this.#groups.keys()];
  }

  portsOf(address: string): string[] {
    return [...(this.#groups.get(address)?.keys() ?? [])];
  }

  join(address: string, port: string, now: number, { idleMs, tableSize }: SnoopLimits): string[] {
    // A router gets everything that joined anyway.
    if (address !== routersAddress && this.#isRouter(port)) return [];
    const changed: string[] = [];
    let ports = this.#groups.get(address);
    if (ports === undefined) {
      if (address !== routersAddress) changed.push(...this.#makeRoom(tableSize));
      ports = new Map();
    }
    this.#groups.delete(address);
    this.#groups.set(address, ports);
    if (!ports.has(port)) changed.push(address);
    const expires = now + (address === routersAddress ? routerIdleMs : idleMs);
    ports.set(port, expires);
    this.#next = Math.min(this.#next, expires);
    return changed;
  }

  leave(address: string, port: string): string[] {
    // Behind a router there may be others.
    if (this.#isRouter(port) || !this.#remove(address, port)) return [];
    return [address];
  }

  expire(now: number): string[] {
    if (now < this.#next) return [];
    this.#next = Number.POSITIVE_INFINITY;
    const changed = new Set<string>();
    for (const [address, ports] of this.#groups)
      for (const [port, expires] of ports) {
        if (expires > now) this.#next = Math.min(this.#next, expires);
        else if (this.#remove(address, port)) changed.add(address);
      }
    return [...changed];
  }

  clear(): string[] {
    const { addresses } = this;
    this.#groups.clear();
    this.#next = Number.POSITIVE_INFINITY;
    return addresses;
  }

  #isRouter(port: string): boolean {
    return this.#groups.get(routersAddress)?.has(port) ?? false;
  }

  #remove(address: string, port: string): boolean {
    const ports = this.#groups.get(address);
    if (!ports?.delete(port)) return false;
    if (ports.size === 0) this.#groups.delete(address);
    return true;
  }

  /** The groups that were not heard of for longest go. */
  #makeRoom(tableSize: number): string[] {
    const gone: string[] = [];
    let over = this.#groups.size - (this.#groups.has(routersAddress) ? 1 : 0) - tableSize + 1;
    for (const address of this.#groups.keys()) {
      if (over <= 0) break;
      if (address === routersAddress) continue;
      this.#groups.delete(address);
      gone.push(address);
      over--;
    }
    return gone;
  }
}
