import type { Interfaces, LocalInterface } from '@iovisor-ovn/proto';

export type LocalInterfaces = ReadonlyMap<string /* iface-id */, LocalInterface>;

/** What the coordinator was told of the plugged interfaces, on one stream. The maps given must not be changed later. */
export class InterfaceState {
  #sent: LocalInterfaces = new Map();

  /** For the Hello. */
  complete(current: LocalInterfaces): Interfaces {
    this.#sent = current;
    return { complete: true, upserts: [...current.values()], removals: [] };
  }

  /** The difference to what was sent; undefined: none. */
  difference(current: LocalInterfaces): Interfaces | undefined {
    if (current === this.#sent) return undefined;
    const upserts = [...current].filter(([id, one]) => !same(this.#sent.get(id), one)).map(([, one]) => one);
    const removals = [...this.#sent.keys()].filter((id) => !current.has(id));
    this.#sent = current;
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
