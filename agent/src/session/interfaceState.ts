import type { Interfaces, LocalInterface } from '@iovisor-ovn/proto';

export type LocalInterfaces = ReadonlyMap<string /* iface-id */, LocalInterface>;

/** What the coordinator was told of the plugged interfaces, on one stream. */
export class InterfaceState {
  #sent = new Map<string, LocalInterface>();

  /** For the Hello. */
  complete(current: LocalInterfaces): Interfaces {
    this.#sent = new Map(current);
    return { complete: true, upserts: [...current.values()], removals: [] };
  }

  /** The difference to what was sent; undefined: none. */
  difference(current: LocalInterfaces): Interfaces | undefined {
    const upserts = [...current].filter(([id, one]) => !same(this.#sent.get(id), one)).map(([, one]) => one);
    const removals = [...this.#sent.keys()].filter((id) => !current.has(id));
    if (upserts.length === 0 && removals.length === 0) return undefined;
    this.#sent = new Map(current);
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
