import type { Mutation } from '@iovisor-ovn/ovsdb-client';
import type { Interface } from '../gen/vswitch.js';
import type { PluggedInterface } from './pluggedInterface.js';

const KEYS = ['ovn-installed', 'ovn-installed-ts'];

/**
 * external_ids:ovn-installed of the interfaces, by which CNI plugins and Nova know that a port forwards. A port is installed on
 * the device it had when that was said: on another device of the same name it has to be said again.
 */
export class InstalledPorts {
  /** iface-id → ifindex; undefined until the first word, while what the last process left is kept. */
  #installed: Map<string, number> | undefined;
  /** Interfaces whose iface-id changed before the first word. */
  readonly #moved = new Set<string>();

  /** Says which ports are installed; returns the Interface uuids that this concerns. */
  set(ifaceIds: ReadonlySet<string>, plugged: ReadonlyMap<string, PluggedInterface>): string[] {
    const before = this.#installed;
    this.#installed = new Map();
    for (const ifaceId of ifaceIds) {
      const plug = plugged.get(ifaceId);
      if (plug !== undefined) this.#installed.set(ifaceId, plug.ifindex);
    }
    this.#moved.clear();
    return [...plugged.values()]
      .filter(({ ifaceId }) => before === undefined || before.get(ifaceId) !== this.#installed?.get(ifaceId))
      .map(({ uuid }) => uuid);
  }

  /** The row has another iface-id, or none, now. */
  moved(uuid: string): void {
    if (this.#installed === undefined) this.#moved.add(uuid);
  }

  /** What has to change in external_ids of a row of the integration bridge; `plug` when it is plugged as a port. */
  mutations(row: Interface, plug: PluggedInterface | undefined, now: number): Mutation[] {
    const marked = row.external_ids.get('ovn-installed') === 'true';
    const wanted =
      plug !== undefined &&
      (this.#installed === undefined
        ? marked && !this.#moved.has(row._uuid)
        : this.#installed.get(plug.ifaceId) === plug.ifindex);
    if (wanted && marked) return [];
    const remove: Mutation[] = KEYS.some((key) => row.external_ids.has(key))
      ? [['external_ids', 'delete', KEYS]]
      : [];
    if (!wanted) return remove;
    const values = new Map([
      ['ovn-installed', 'true'],
      ['ovn-installed-ts', String(now)],
    ]);
    return [...remove, ['external_ids', 'insert', values]];
  }
}
