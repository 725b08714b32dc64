import type { Atom } from './schemaTypes.js';

/** What a column holds: an atom, none (undefined), a frozen sorted set, or a map sorted by key. */
export type ColumnValue = Atom | undefined | readonly Atom[] | ReadonlyMap<Atom, Atom>;

/** True when two column values are the same, whatever their types. Sets and maps are in canonical order. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((element, i) => element === b[i]);
  }
  if (a instanceof Map && b instanceof Map) {
    if (a.size !== b.size) return false;
    for (const [key, value] of a) {
      if (b.get(key) !== value || !b.has(key)) return false;
    }
    return true;
  }
  return false;
}
