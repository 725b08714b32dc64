import { isJsonObject, type JsonObject, type JsonValue } from '../wire/json.js';

/** What a server says about one of its databases (table Database of database _Server, ovsdb-server(5)). */
export interface ServerStatus {
  readonly name: string;
  readonly model: 'standalone' | 'clustered' | 'relay' | string;
  /** Part of its cluster's majority; always true for a standalone server. */
  readonly connected: boolean;
  readonly leader: boolean;
  /** Cluster id, when clustered. */
  readonly cid: string | undefined;
  /** Id of this server in the cluster, when clustered. */
  readonly sid: string | undefined;
  /** How far this server's copy is in the cluster's log; grows with each transaction. */
  readonly index: number | undefined;
  /** Text of the schema; undefined until the server has joined its cluster. */
  readonly schema: string | undefined;
}

export const STATUS_COLUMNS = [
  'name',
  'model',
  'connected',
  'leader',
  'cid',
  'sid',
  'index',
  'schema',
] as const;

/** `before` with a row of _Server.Database, whole or changed columns only, applied: each of its columns is replaced. */
export function applyStatus(before: ServerStatus | undefined, json: JsonValue): ServerStatus {
  const row: JsonObject = isJsonObject(json) ? json : {};
  const pick = <T>(column: string, convert: (value: JsonValue) => T, old: T): T =>
    row[column] === undefined ? old : convert(row[column]);
  const text = (value: JsonValue) => (typeof value === 'string' ? value : undefined);
  const uuid = (value: JsonValue) =>
    Array.isArray(value) && value[0] === 'uuid' ? String(value[1]) : undefined;
  const number = (value: JsonValue) => (typeof value === 'number' ? value : undefined);
  return {
    name: pick('name', (value) => text(value) ?? '', before?.name ?? ''),
    model: pick('model', (value) => text(value) ?? '', before?.model ?? ''),
    connected: pick('connected', (value) => value === true, before?.connected ?? false),
    leader: pick('leader', (value) => value === true, before?.leader ?? false),
    cid: pick('cid', uuid, before?.cid),
    sid: pick('sid', uuid, before?.sid),
    index: pick('index', number, before?.index),
    schema: pick('schema', text, before?.schema),
  };
}

/** The lowest index to accept per cluster: a server whose copy is older than what was seen already is skipped. */
export type SeenIndexes = Map<string, number>;

/**
 * Why the server is not one to use for its database; undefined when it is. Remembers its index in `seen` then, so that
 * no later server may be behind it.
 */
export function unsuitability(
  status: ServerStatus,
  leaderOnly: boolean,
  seen: SeenIndexes,
): string | undefined {
  if (status.model !== 'clustered' && status.model !== 'relay') return undefined;
  if (status.schema === undefined) return 'has not joined its cluster yet';
  if (!status.connected)
    return status.model === 'relay' ? 'is not connected to its source' : 'is cut off from its cluster';
  if (leaderOnly && !status.leader) return 'is not the leader of its cluster';
  if (status.cid === undefined || status.index === undefined) return undefined;
  const lowest = seen.get(status.cid) ?? 0;
  if (status.index < lowest)
    return `has stale data: its index ${status.index} is behind ${lowest}, seen before`;
  seen.set(status.cid, status.index);
  return undefined;
}
