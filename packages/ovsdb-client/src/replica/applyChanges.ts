import type { GenericRow } from '../schema/rowCodec.js';
import { nextSlice, sliceExpired } from '../wire/timeSlice.js';
import type { AnyChange } from './change.js';
import type { ReplicaTable } from './replicaTable.js';

/** Changes to one table that are applied at once; more are worked into a copy in slices. */
const AT_ONCE = 1000;

/** Applies changes to their tables such that no reader ever sees a part of them only. */
export async function applyChanges(
  tableOf: (name: string) => ReplicaTable<GenericRow>,
  changes: readonly AnyChange[],
): Promise<void> {
  const byTable = new Map<string, AnyChange[]>();
  for (const change of changes) {
    const group = byTable.get(change.table);
    if (group) group.push(change);
    else byTable.set(change.table, [change]);
    if (sliceExpired()) await nextSlice();
  }
  const commits: (() => void)[] = [];
  for (const [name, group] of byTable) {
    const table = tableOf(name);
    if (group.length > AT_ONCE) commits.push(await table.prepare(group));
    else commits.push(() => table.apply(group));
  }
  for (const commit of commits) commit();
}
