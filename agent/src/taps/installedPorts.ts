import type { Mutation } from '@iovisor-ovn/ovsdb-client';
import type { Interface } from '../gen/vswitch.js';
import type { PluggedInterface } from './pluggedInterface.js';

const KEYS = ['ovn-installed', 'ovn-installed-ts'];

/** external_ids:ovn-installed of the interfaces, by which CNI plugins and Nova know that a port forwards. */
export class InstalledPorts {
  /** iface-ids; undefined until the first word, while what the last process left is kept. */
  #installed: ReadonlySet<string> | undefined;
  /** Interfaces whose iface-id changed before the first word. */
  readonly #moved = new Set<string>();

  /** Says which ports are installed; returns whether that may concern this port. */
  set(ifaceIds: ReadonlySet<string>): (ifaceId: string) => boolean {
    const before = this.#installed;
    const now = new Set(ifaceIds);
    this.#installed = now;
    this.#moved.clear();
    return (ifaceId) => before === undefined || before.has(ifaceId) !== now.has(ifaceId);
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
        : this.#installed.has(plug.ifaceId));
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
