/** A map to sets which keeps no empty set. */
export class MultiMap<K, V> {
  readonly #sets = new Map<K, Set<V>>();

  /** The values of `key`; empty when there are none. Not to be changed by the caller. */
  get(key: K): ReadonlySet<V> {
    return this.#sets.get(key) ?? (none as ReadonlySet<V>);
  }

  add(key: K, value: V): void {
    const set = this.#sets.get(key);
    if (set) set.add(value);
    else this.#sets.set(key, new Set([value]));
  }

  delete(key: K, value: V): void {
    const set = this.#sets.get(key);
    if (set?.delete(value) && set.size === 0) this.#sets.delete(key);
  }
}

const none: ReadonlySet<unknown> = new Set();

/** What is in `after` and not in `before`, and the reverse. */
export function difference(
  before: readonly string[] = [],
  after: readonly string[] = [],
): { added: string[]; removed: string[] } {
  if (before.length === 0 || after.length === 0) return { added: [...after], removed: [...before] };
  const old = new Set(before);
  const added = after.filter((value) => !old.delete(value));
  return { added, removed: [...old] };
}
