import type { HaChassisGroupRow, HaChassisRow } from '../monitor/rows.js';
import { MultiMap } from './multimap.js';

/** A chassis that may serve the ports of an HA_Chassis_Group; the highest priority that is alive does. */
export interface HaCandidate {
  /** Chassis row uuid. */
  readonly chassis: string;
  readonly priority: number;
}

/** HA_Chassis_Group and HA_Chassis rows, read together: rows of one transaction come in any order. */
export class HaGroups {
  readonly #groups = new Map<string, HaChassisGroupRow>();
  readonly #members = new Map<string, HaChassisRow>();
  readonly #groupsOfMember = new MultiMap<string, string>();
  readonly #changed: (groupUuid: string) => void;

  /** `changed` is called with each group whose candidates may have changed. */
  constructor(changed: (groupUuid: string) => void) {
    this.#changed = changed;
  }

  /** Those of its chassis that are registered, in no order. */
  candidates(groupUuid: string | undefined): readonly HaCandidate[] {
    const group = groupUuid === undefined ? undefined : this.#groups.get(groupUuid);
    const found: HaCandidate[] = [];
    for (const uuid of group?.ha_chassis ?? []) {
      const member = this.#members.get(uuid);
      if (member?.chassis !== undefined) found.push({ chassis: member.chassis, priority: member.priority });
    }
    return found;
  }

  setGroup(uuid: string, row: HaChassisGroupRow | undefined): void {
    for (const member of this.#groups.get(uuid)?.ha_chassis ?? []) this.#groupsOfMember.delete(member, uuid);
    if (row) this.#groups.set(uuid, row);
    else this.#groups.delete(uuid);
    for (const member of row?.ha_chassis ?? []) this.#groupsOfMember.add(member, uuid);
    this.#changed(uuid);
  }

  setMember(uuid: string, row: HaChassisRow | undefined): void {
    if (row) this.#members.set(uuid, row);
    else this.#members.delete(uuid);
    for (const group of this.#groupsOfMember.get(uuid)) this.#changed(group);
  }
}
