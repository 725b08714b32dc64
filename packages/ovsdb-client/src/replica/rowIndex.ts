import type { ColumnValue } from '../schema/columnValue.js';
import type { GenericRow } from '../schema/rowCodec.js';
import { type MapKey, ShardedMap } from './shardedMap.js';

/** A key of an index: an atom, or for an index over several columns the list of their values. */
export type IndexKey = MapKey | readonly unknown[];

/**
 * Looks rows up by something else than their UUID. It is maintained with each change and always in step with its table.
 */
export interface Index<R> {
  /** A row with this key, any one when there are several; undefined when there is none. */
  get(key: IndexKey): R | undefined;
  /** All rows with this key. */
  all(key: IndexKey): R[];
}

/** The keys under which a row is to be found; already in the form that `canonicalKey` gives. */
export type KeysOf = (row: GenericRow) => readonly MapKey[];

/**
 * What an index is over: a column (of a set column each element is a key, of a map column each key; a row without a
 * value is not in the index), several columns together, or a function that gives a row's key or keys.
 */
export type IndexBy<R> = string | readonly string[] | ((row: R) => IndexKey | readonly MapKey[] | undefined);

/** Keys that are lists become text, so that they compare by value. */
export function canonicalKey(key: IndexKey): MapKey {
  if (typeof key !== 'object') return key;
  return JSON.stringify(key, (_name, value: unknown) =>
    value instanceof Map ? [...value] : typeof value === 'bigint' ? String(value) : (value ?? null),
  );
}

/** The function behind an IndexBy. */
export function keysOf(by: IndexBy<never>): KeysOf {
  if (typeof by === 'string') return (row) => columnKeys(row[by]);
  if (typeof by === 'function') {
    return (row) => {
      const key = (by as (row: GenericRow) => IndexKey | undefined)(row);
      if (key === undefined) return [];
      return Array.isArray(key) ? [...new Set(key as MapKey[])] : [key as MapKey];
    };
  }
  return (row) => [canonicalKey(by.map((column) => row[column]))];
}

function columnKeys(value: ColumnValue): readonly MapKey[] {
  if (value === undefined) return [];
  if (typeof value !== 'object') return [value];
  return value instanceof Map ? [...value.keys()] : (value as readonly MapKey[]);
}

/** The contents of an index: most keys have one row, which is then held without a container. */
export class RowIndex {
  readonly #keysOf: KeysOf;
  readonly #entries = new ShardedMap<MapKey, GenericRow | Map<string, GenericRow>>();

  constructor(keys: KeysOf) {
    this.#keysOf = keys;
  }

  add(row: GenericRow): void {
    for (const key of this.#keysOf(row)) {
      const entry = this.#entries.get(key);
      if (entry === undefined) this.#entries.set(key, row);
      else if (entry instanceof Map) entry.set(row._uuid, row);
      else this.#entries.set(key, new Map([entry, row].map((each) => [each._uuid, each])));
    }
  }

  remove(row: GenericRow): void {
    for (const key of this.#keysOf(row)) {
      const entry = this.#entries.get(key);
      if (!(entry instanceof Map)) {
        if (entry?._uuid === row._uuid) this.#entries.delete(key);
      } else if (entry.delete(row._uuid) && entry.size === 1) {
        for (const last of entry.values()) this.#entries.set(key, last);
      }
    }
  }

  all(key: MapKey): GenericRow[] {
    const entry = this.#entries.get(key);
    if (entry === undefined) return [];
    return entry instanceof Map ? [...entry.values()] : [entry];
  }

  get(key: MapKey): GenericRow | undefined {
    const entry = this.#entries.get(key);
    if (!(entry instanceof Map)) return entry;
    for (const row of entry.values()) return row;
    return undefined;
  }
}
