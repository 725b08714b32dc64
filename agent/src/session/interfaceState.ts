import type { Interfaces, LocalInterface } from '@iovisor-ovn/proto';

export type LocalInterfaces = ReadonlyMap<string /* iface-id */, LocalInterface>;

/** What the coordinator was told of the plugged interfaces, on one stream. */
export class InterfaceState {
  #sent = new Map<string, LocalInterface>();
  readonly #dirty = new Set<string>();

  /** These iface-ids came, went, or are otherwise plugged than before. */
  touch(ifaceIds: Iterable<string>): void {
    for (const ifaceId of ifaceIds) this.#dirty.add(ifaceId);
  }

  /** For the Hello. */
  complete(current: LocalInterfaces): Interfaces {
    this.#sent = new Map(current);
    this.#dirty.clear();
    return { complete: true, upserts: [...current.values()], removals: [] };
  }

  /** The difference to what was sent, among what was touched; undefined: none. */
  difference(current: LocalInterfaces): Interfaces | undefined {
    const upserts: LocalInterface[] = [];
    const removals: string[] = [];
    for (const ifaceId of this.#dirty) {
      const now = current.get(ifaceId);
      if (now === undefined) {
        if (this.#sent.delete(ifaceId)) removals.push(ifaceId);
      } else if (!same(this.#sent.get(ifaceId), now)) {
        upserts.push(now);
        this.#sent.set(ifaceId, now);
      }
    }
    this.#dirty.clear();
    if (upserts.length === 0 && removals.length === 0) return undefined;
    return { complete: false, upserts, removals };
  }
}

function same(a: LocalInterface | undefined, b: LocalInterface): boolean {
  return (
    a !== undefined &&
    a.tap === b.tap &&
    a.ifindex === b.ifindex &&
    a.ifaceIdVer === b.ifaceIdVer &&
    a.encapIp === b.encapIp &&
    a.macInUse === b.macInUse
  );
}
