import type { IgmpGroupRow } from '../monitor/rows.js';
import { MultiMap } from './multimap.js';

/** Southbound's IGMP_Group: which ports of a chassis joined what. Rows that northd is about to delete are left out. */
export class IgmpGroups {
  readonly #rows = new Map<string, IgmpGroupRow>();
  readonly #byKey = new Map<string, IgmpGroupRow>();
  readonly #ofChassis = new MultiMap<string, IgmpGroupRow>();

  /** Of a Chassis row's uuid. */
  of(chassis: string): ReadonlySet<IgmpGroupRow> {
    return this.#ofChassis.get(chassis);
  }

  has(uuid: string): boolean {
    return this.#rows.has(uuid);
  }

  find(chassis: string, datapath: string, address: string): IgmpGroupRow | undefined {
    return this.#byKey.get(keyOf(chassis, datapath, address));
  }

  set(uuid: string, row: IgmpGroupRow | undefined): void {
    const old = this.#rows.get(uuid);
    if (old?.chassis !== undefined && old.datapath !== undefined) {
      const key = keyOf(old.chassis, old.datapath, old.address);
      if (this.#byKey.get(key) === old) this.#byKey.delete(key);
      this.#ofChassis.delete(old.chassis, old);
    }
    this.#rows.delete(uuid);
    if (row?.chassis === undefined || row.datapath === undefined) return;
    this.#rows.set(uuid, row);
    this.#byKey.set(keyOf(row.chassis, row.datapath, row.address), row);
    this.#ofChassis.add(row.chassis, row);
  }
}

function keyOf(chassis: string, datapath: string, address: string): string {
  return `${chassis} ${datapath} ${address}`;
}
