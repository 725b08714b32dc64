import type { DatabaseSchema } from '../schema/schemaTypes.js';
import type { JsonObject } from '../wire/json.js';
import { encodeWhere, type TableInterest } from './tableInterest.js';
import type { MonitoredTable } from './updateReader.js';

/** The monitor-requests object (RFC 7047 section 4.1.5, ovsdb-server(7) section 4.1.12) for the tables that exist. */
export function monitorRequests(
  schema: DatabaseSchema,
  interests: ReadonlyMap<string, TableInterest>,
  monitored: ReadonlyMap<string, MonitoredTable>,
  withConditions: boolean,
): JsonObject {
  const requests: Record<string, JsonObject[]> = {};
  for (const [name, { codec, report }] of monitored) {
    const where = interests.get(name)!.acknowledged;
    const request: JsonObject = { columns: codec.columns };
    const encoded = encodeWhere(schema.tables.get(name)!, where, (column, message) =>
      report('', column ?? '', message),
    );
    requests[name] = [withConditions && encoded.length > 0 ? { ...request, where: encoded } : request];
  }
  return requests;
}
