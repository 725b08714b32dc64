import { type Address, sameAddress } from './address.js';

/** The addresses of each device that has any. */
export class AddressTable {
  readonly byIndex = new Map<number, readonly Address[]>();

  /** Whether that was new. */
  add(ifindex: number, address: Address): boolean {
    const present = this.byIndex.get(ifindex) ?? [];
    if (present.some((other) => sameAddress(other, address))) return false;
    this.byIndex.set(ifindex, [...present, address]);
    return true;
  }

  /** Whether it was there. */
  remove(ifindex: number, address: Address): boolean {
    const present = this.byIndex.get(ifindex) ?? [];
    const rest = present.filter((other) => !sameAddress(other, address));
    if (rest.length === present.length) return false;
    if (rest.length === 0) this.byIndex.delete(ifindex);
    else this.byIndex.set(ifindex, rest);
    return true;
  }

  /** Takes over a complete reading; the devices whose addresses changed. */
  replace(addresses: ReadonlyMap<number, readonly Address[]>): number[] {
    const changed: number[] = [];
    for (const ifindex of new Set([...this.byIndex.keys(), ...addresses.keys()])) {
      const before = this.byIndex.get(ifindex) ?? [];
      const now = addresses.get(ifindex) ?? [];
      const same =
        before.length === now.length && now.every((address) => before.some((b) => sameAddress(b, address)));
      if (same) continue;
      changed.push(ifindex);
      if (now.length === 0) this.byIndex.delete(ifindex);
      else this.byIndex.set(ifindex, now);
    }
    return changed;
  }
}
