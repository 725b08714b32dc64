import { IFINDEX_TRUNK, iov_constant, iov_ifindexCodec } from './abi.js';
import type { Claims } from './claims.js';
import { type Entry, u32 } from './entry.js';

const SLOTS = iov_constant.IOV_IFINDEX_SLOTS;

/** How a port uses an interface. */
interface Use {
  ifindex: number;
  port: number;
  /** Its frames carry a VLAN tag there: which one is said in iov_vlan_ports. */
  tagged: boolean;
}

/** Who uses one interface. */
interface Interface {
  /** Port number by resource id. */
  untagged: Map<string, number>;
  tagged: Set<string>;
}

/**
 * iov_ifindex and iov_ifindex_overflow: which port an interface is, and whether it carries VLANs of others. The lowest ifindex
 * of those that share a slot has it, the others overflow; of two ports at one interface the one with the smaller resource id
 * has it.
 */
export class IfindexTable {
  readonly #claims: Claims;
  readonly #uses = new Map<string, Use>();
  readonly #interfaces = new Map<number, Interface>();
  readonly #slots = new Map<number, Set<number>>();

  constructor(claims: Claims) {
    this.#claims = claims;
  }

  /** @param use undefined: the port has no interface */
  set(portId: string, use: Use | undefined): void {
    const before = this.#uses.get(portId);
    if (before === use || (before !== undefined && use !== undefined && same(before, use))) return;
    if (before !== undefined) this.#remove(portId, before);
    if (use !== undefined) this.#add(portId, use);
    const slots = [before, use].flatMap((one) => (one === undefined ? [] : [one.ifindex % SLOTS]));
    for (const slot of new Set(slots)) this.#emit(slot);
  }

  #add(portId: string, use: Use): void {
    this.#uses.set(portId, use);
    let users = this.#interfaces.get(use.ifindex);
    if (users === undefined) {
      users = { untagged: new Map(), tagged: new Set() };
      this.#interfaces.set(use.ifindex, users);
      const slot = use.ifindex % SLOTS;
      this.#slots.set(slot, (this.#slots.get(slot) ?? new Set()).add(use.ifindex));
    }
    if (use.tagged) users.tagged.add(portId);
    else users.untagged.set(portId, use.port);
  }

  #remove(portId: string, { ifindex }: Use): void {
    this.#uses.delete(portId);
    const users = this.#interfaces.get(ifindex)!;
    users.tagged.delete(portId);
    users.untagged.delete(portId);
    if (users.tagged.size + users.untagged.size > 0) return;
    this.#interfaces.delete(ifindex);
    const slot = ifindex % SLOTS;
    const sharers = this.#slots.get(slot)!;
    sharers.delete(ifindex);
    if (sharers.size === 0) this.#slots.delete(slot);
  }

  #emit(slot: number): void {
    const entries = [...(this.#slots.get(slot) ?? [])]
      .sort((a, b) => a - b)
      .map((ifindex, rank): Entry => {
        const port = portOf(this.#interfaces.get(ifindex)!);
        if (rank > 0) return { map: 'iov_ifindex_overflow', key: u32(ifindex), value: u32(port) };
        return { map: 'iov_ifindex', key: u32(slot), value: iov_ifindexCodec.encode({ ifindex, port }) };
      });
    this.#claims.set(`ifindex:${slot}`, 0, entries);
  }
}

/** iov_ifindex.port */
function portOf({ untagged, tagged }: Interface): number {
  const [first] = [...untagged.keys()].sort();
  return (first === undefined ? 0 : untagged.get(first)!) + (tagged.size > 0 ? IFINDEX_TRUNK : 0);
}

function same(a: Use, b: Use): boolean {
  return a.ifindex === b.ifindex && a.port === b.port && a.tagged === b.tagged;
}
