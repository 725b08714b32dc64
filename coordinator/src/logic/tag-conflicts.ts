import type { PortBindingRow } from '../monitor/rows.js';
import type { ProblemRegistry } from '../problems/registry.js';
import { MultiMap } from './multimap.js';

/** Ports that one device of a hypervisor could not tell apart. */
interface Place {
  key: string;
  /** For people: "VLAN 5 of port vm1". */
  what: string;
}

/**
 * Nested ports of one parent are told apart by their VLAN alone, and localnet ports of one switch by physical network and VLAN.
 * Two with the same one are a mistake that nothing else would show: both are bound, and only one of them gets frames (of such
 * localnet ports OVN makes a loop). Localnet ports of different switches may have the same one: the switches are connected.
 */
export class TagConflicts {
  readonly #problems: ProblemRegistry;
  /** By Port_Binding uuid. */
  readonly #placeOf = new Map<string, Place>();
  readonly #bearers = new MultiMap<string, PortBindingRow>();
  readonly #rows = new Map<string, PortBindingRow>();

  constructor(problems: ProblemRegistry) {
    this.#problems = problems;
  }

  /** A Port_Binding row as it is now; undefined: deleted. */
  set(uuid: string, row: PortBindingRow | undefined): void {
    const before = this.#placeOf.get(uuid);
    const after = row && placeOf(row);
    if (!before && !after) return;
    const old = this.#rows.get(uuid);
    if (before && old) this.#bearers.delete(before.key, old);
    this.#placeOf.delete(uuid);
    this.#rows.delete(uuid);
    if (row && after) {
      this.#placeOf.set(uuid, after);
      this.#rows.set(uuid, row);
      this.#bearers.add(after.key, row);
    }
    for (const place of [before, after]) if (place) this.#judge(place);
  }

  #judge({ key, what }: Place): void {
    const rows = [...this.#bearers.get(key)];
    const names = rows.map(({ logical_port }) => logical_port).sort();
    const message = `${names.join(', ')} are all ${what}; only one of them gets its frames on a hypervisor; give each a VLAN of its own`;
    this.#problems.replace(
      `tag:${key}`,
      rows.length < 2
        ? []
        : rows.map(({ _uuid, logical_port }) => ({
            where: 'Southbound',
            table: 'Port_Binding',
            uuid: _uuid,
            name: logical_port,
            column: 'tag',
            message,
          })),
    );
  }
}

function placeOf({ parent_port, tag, type, options, datapath }: PortBindingRow): Place | undefined {
  const vlan = tag ?? 0;
  if (parent_port) {
    if (vlan === 0) return undefined;
    return { key: `parent ${parent_port} ${vlan}`, what: `VLAN ${vlan} of port ${parent_port}` };
  }
  const network = options.get('network_name');
  if (type !== 'localnet' || !network) return undefined;
  const what = vlan === 0 ? 'the untagged frames' : `VLAN ${vlan}`;
  const key = `network ${network} ${vlan} ${datapath}`;
  return { key, what: `${what} of the physical network ${network} in one logical switch` };
}
