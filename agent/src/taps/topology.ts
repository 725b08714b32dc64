import type { Bridge, Port } from '../gen/vswitch.js';

/** Which bridge each Interface row belongs to. */
export class Topology {
  #bridgeOf = new Map<string, string>();

  /** Name of the bridge; undefined when the row is in none. */
  bridgeOf(interfaceUuid: string): string | undefined {
    return this.#bridgeOf.get(interfaceUuid);
  }

  /** Reads all bridges anew; returns the interfaces that came, went or changed the bridge. */
  update(bridges: Iterable<Bridge>, portOf: (uuid: string) => Port | undefined): string[] {
    const before = this.#bridgeOf;
    const now = new Map<string, string>();
    for (const { name, ports } of bridges)
      for (const port of ports) for (const uuid of portOf(port)?.interfaces ?? []) now.set(uuid, name);
    this.#bridgeOf = now;
    const changed = [...now].filter(([uuid, name]) => before.get(uuid) !== name).map(([uuid]) => uuid);
    for (const uuid of before.keys()) if (!now.has(uuid)) changed.push(uuid);
    return changed;
  }
}
