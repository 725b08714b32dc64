import type { Mutation } from '@iovisor-ovn/ovsdb-client';
import type { Interface } from '../gen/vswitch.js';
import type { PluggedInterface } from './pluggedInterface.js';

const KEYS = ['ovn-installed', 'ovn-installed-ts'];

/** external_ids:ovn-installed of the interfaces, by which CNI plugins and Nova know that a port forwards. */
export class InstalledPorts {
  /** What was said of an iface-id. */
  readonly #said = new Map<string, boolean>();
  /** Whether a complete set was said; until then what the last process left stays on ports of which nothing was said. */
  #complete = false;
  /** Interface rows whose mark is about another port or another device: it has to go before it can come. */
  readonly #doubtful = new Set<string>();

  /** Says that these forward and no other; returns the iface-ids that this may concern, undefined for any. */
  set(ifaceIds: ReadonlySet<string>): string[] | undefined {
    const changed: string[] | undefined = this.#complete ? [] : undefined;
    for (const [ifaceId] of this.#said)
      if (!ifaceIds.has(ifaceId)) {
        this.#said.delete(ifaceId);
        changed?.push(ifaceId);
      }
    const come = this.add(ifaceIds);
    changed?.push(...come);
    this.#complete = true;
    return changed;
  }

  /** Says that these forward, too; returns the iface-ids of which that is new. */
  add(ifaceIds: Iterable<string>): string[] {
    return this.#say(ifaceIds, true);
  }

  /** Says that these do not forward; returns the iface-ids of which that is new. */
  remove(ifaceIds: Iterable<string>): string[] {
    return this.#say(ifaceIds, false);
  }

  /** The row has another iface-id now, or its port another device: a mark that it bears does not hold. */
  doubt(row: Interface): void {
    if (isMarked(row)) this.#doubtful.add(row._uuid);
  }

  /** The row is gone. */
  forget(uuid: string): void {
    this.#doubtful.delete(uuid);
  }

  /** What has to change in external_ids of a row of the integration bridge; `plug` when it is plugged as a port. */
  mutations(row: Interface, plug: PluggedInterface | undefined, now: number): Mutation[] {
    const marked = isMarked(row);
    if (!marked) this.#doubtful.delete(row._uuid);
    const wanted = plug !== undefined && (marked ? this.#holds(row, plug) : this.#said.get(plug.ifaceId));
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

  /**
   * Whether a mark may stay. The row's own ifindex tells which device it was made for, also when that was replaced while no
   * agent ran.
   */
  #holds(row: Interface, { ifaceId, shownIfindex }: PluggedInterface): boolean {
    const another = row.ifindex !== undefined && row.ifindex !== shownIfindex;
    if (another || this.#doubtful.has(row._uuid)) return false;
    return this.#said.get(ifaceId) ?? !this.#complete;
  }

  #say(ifaceIds: Iterable<string>, forwards: boolean): string[] {
    const changed: string[] = [];
    for (const ifaceId of ifaceIds) {
      // What is not said to forward does not, once all was said.
      const before = this.#said.get(ifaceId) ?? (this.#complete ? false : undefined);
      if (before === forwards) continue;
      if (forwards || !this.#complete) this.#said.set(ifaceId, forwards);
      else this.#said.delete(ifaceId);
      changed.push(ifaceId);
    }
    return changed;
  }
}

function isMarked(row: Interface): boolean {
  return row.external_ids.get('ovn-installed') === 'true';
}
