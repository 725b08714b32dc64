import { iov_constant, iov_ifindexCodec } from './abi.js';
import type { Claims } from './claims.js';
import { type Entry, u32 } from './entry.js';

const SLOTS = iov_constant.IOV_IFINDEX_SLOTS;

interface Use {
  ifindex: number;
  port: number;
}

/**
 * iov_ifindex and iov_ifindex_overflow: which port an interface is. The lowest ifindex of those that share a slot has
 * it, the others overflow; of two ports at one interface the one with the smaller resource id has it.
 */
export class IfindexTable {
  readonly #claims: Claims;
  readonly #slots = new Map<number, Map<string, Use>>();
  readonly #slotOf = new Map<string, number>();

  constructor(claims: Claims) {
    this.#claims = claims;
  }

  /** @param use undefined: the port has no interface */
  set(portId: string, use: Use | undefined): void {
    const before = this.#slotOf.get(portId);
    const slot = use === undefined ? undefined : use.ifindex % SLOTS;
    if (before !== undefined) {
      const uses = this.#slots.get(before)!;
      const old = uses.get(portId)!;
      if (use !== undefined && old.ifindex === use.ifindex && old.port === use.port) return;
      uses.delete(portId);
      this.#slotOf.delete(portId);
      if (before !== slot) this.#emit(before);
    }
    if (use === undefined || slot === undefined) return;
    this.#slotOf.set(portId, slot);
    const uses = this.#slots.get(slot) ?? new Map<string, Use>();
    this.#slots.set(slot, uses.set(portId, use));
    this.#emit(slot);
  }

  #emit(slot: number): void {
    const uses = this.#slots.get(slot) ?? new Map<string, Use>();
    const ports = new Map<number, number>();
    for (const id of [...uses.keys()].sort()) {
      const { ifindex, port } = uses.get(id)!;
      if (!ports.has(ifindex)) ports.set(ifindex, port);
    }
    const entries = [...ports.keys()]
      .sort((a, b) => a - b)
      .map((ifindex, rank): Entry => {
        const port = ports.get(ifindex)!;
        if (rank > 0) return { map: 'iov_ifindex_overflow', key: u32(ifindex), value: u32(port) };
        return { map: 'iov_ifindex', key: u32(slot), value: iov_ifindexCodec.encode({ ifindex, port }) };
      });
    this.#claims.set(`ifindex:${slot}`, 0, entries);
    if (uses.size === 0) this.#slots.delete(slot);
  }
}
