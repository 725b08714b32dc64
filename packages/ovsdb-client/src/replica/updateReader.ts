import { isUuid } from '../schema/atom.js';
import type { GenericRow, ReportProblem, RowCodec } from '../schema/rowCodec.js';
import { isJsonObject, type JsonValue } from '../wire/json.js';
import { LargeContainer, type MaybeLarge } from '../wire/large.js';
import { nextSlice, sliceExpired } from '../wire/timeSlice.js';
import { WireError } from '../wire/wireError.js';
import { type AnyChange, makeChange } from './change.js';
import { DesyncError } from './desyncError.js';
import type { ReplicaTable } from './replicaTable.js';
import { ShardedMap } from './shardedMap.js';

/** One monitored table while updates are read. */
export interface MonitoredTable {
  readonly rows: ReplicaTable<GenericRow>;
  readonly codec: RowCodec;
  /** Whether a row belongs to the replica; only asked with the method "monitor", which knows no conditions. */
  readonly selects: (row: GenericRow) => boolean;
  readonly report: ReportProblem;
}

/** The notation of updates: 1 is that of "monitor" (RFC 7047), 2 that of "monitor_cond" and "monitor_cond_since". */
export type UpdateFormat = 1 | 2;

/**
 * Turns a table-updates object (RFC 7047 section 4.1.6, ovsdb-server(7) section 4.1.14) into the changes to the rows
 * held, without applying them. Throws DesyncError and WireError.
 */
export async function readUpdate(
  tables: ReadonlyMap<string, MonitoredTable>,
  update: MaybeLarge,
  format: UpdateFormat,
): Promise<AnyChange[]> {
  const changes: AnyChange[] = [];
  const read = format === 1 ? readRow1 : readRow2;
  await forEachRow(tables, update, (table, uuid, json) => {
    const old = table.rows.get(uuid);
    const row = read(table, uuid, old, json);
    const change = makeChange(table.rows.name, uuid, old, row, (a, b) => table.codec.changed(a, b));
    if (change) changes.push(change);
  });
  return changes;
}

/** As {@link readUpdate} for a snapshot of everything: rows held that are not in it have been deleted. */
export async function readSnapshot(
  tables: ReadonlyMap<string, MonitoredTable>,
  snapshot: MaybeLarge,
  format: UpdateFormat,
): Promise<AnyChange[]> {
  const changes: AnyChange[] = [];
  const seen = new ShardedMap<string, true>();
  const read = format === 1 ? readRow1 : readRow2;
  await forEachRow(tables, snapshot, (table, uuid, json) => {
    const old = table.rows.get(uuid);
    const row = read(table, uuid, undefined, json);
    if (old && row) seen.set(uuid, true);
    const change = row && makeChange(table.rows.name, uuid, old, row, (a, b) => table.codec.changed(a, b));
    if (change) changes.push(change);
  });
  for (const { rows } of tables.values()) {
    for (const old of rows) {
      if (!seen.has(old._uuid)) changes.push({ table: rows.name, uuid: old._uuid, kind: 'delete', old });
      if (sliceExpired()) await nextSlice();
    }
  }
  return changes;
}

type VisitRow = (table: MonitoredTable, uuid: string, json: JsonValue) => void;

async function forEachRow(
  tables: ReadonlyMap<string, MonitoredTable>,
  update: MaybeLarge,
  visit: VisitRow,
): Promise<void> {
  await forEachMember(update, 'table updates', async (name, rows) => {
    const table = tables.get(name);
    if (!table) return;
    await forEachMember(rows, `updates of table ${name}`, async (uuid, json) => {
      if (!isUuid(uuid))
        throw new WireError(`updates of table ${name} have ${JSON.stringify(uuid)} for a UUID`);
      visit(table, uuid, json instanceof LargeContainer ? await json.materialize() : json);
    });
  });
}

async function forEachMember(
  value: MaybeLarge,
  what: string,
  visit: (name: string, value: MaybeLarge) => Promise<void>,
): Promise<void> {
  if (value instanceof LargeContainer && value.kind === 'object') return value.forEach(visit);
  if (!isJsonObject(value)) throw new WireError(`${what} are not a JSON object`);
  for (const name in value) await visit(name, value[name]!);
}

function readRow1(table: MonitoredTable, uuid: string, _old: GenericRow | undefined, json: JsonValue) {
  if (!isJsonObject(json))
    throw new WireError(`the update of row ${uuid} of table ${table.rows.name} is no object`);
  if (!isJsonObject(json.new)) return undefined;
  const row = table.codec.full(uuid, json.new, table.report);
  return table.selects(row) ? row : undefined;
}

function readRow2(table: MonitoredTable, uuid: string, old: GenericRow | undefined, json: JsonValue) {
  const where = `row ${uuid} of table ${table.rows.name}`;
  if (!isJsonObject(json)) throw new WireError(`the update of ${where} is no object`);
  const whole = json.initial ?? json.insert;
  if (isJsonObject(whole)) return table.codec.full(uuid, whole, table.report);
  if (isJsonObject(json.modify)) {
    if (!old) throw new DesyncError(`the server modified ${where}, which it never sent`);
    return table.codec.modified(old, json.modify, table.report);
  }
  if ('delete' in json) return undefined;
  throw new WireError(`the update of ${where} is neither initial, insert, modify nor delete`);
}
