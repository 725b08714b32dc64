/** What can be a key: anything that compares by value. */
export type MapKey = string | number | boolean | bigint;

const SHARDS = 64;

/**
 * A Map in parts. A plain Map of half a million entries re-hashes all of them at once when it grows, which blocks the
 * event loop; here one part at a time does.
 */
export class ShardedMap<K extends MapKey, V> {
  readonly #shards: (Map<K, V> | undefined)[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: K): V | undefined {
    return this.#shards[shardOf(key)]?.get(key);
  }

  has(key: K): boolean {
    return this.#shards[shardOf(key)]?.has(key) ?? false;
  }

  set(key: K, value: V): void {
    const number = shardOf(key);
    let shard = this.#shards[number];
    if (!shard) {
      shard = new Map();
      this.#shards[number] = shard;
    }
    const before = shard.size;
    shard.set(key, value);
    this.#size += shard.size - before;
  }

  delete(key: K): boolean {
    const deleted = this.#shards[shardOf(key)]?.delete(key) ?? false;
    if (deleted) this.#size -= 1;
    return deleted;
  }

  *values(): Generator<V, void> {
    for (const shard of this.#shards) if (shard) yield* shard.values();
  }

  *entries(): Generator<[K, V], void> {
    for (const shard of this.#shards) if (shard) yield* shard.entries();
  }
}

function shardOf(key: MapKey): number {
  if (typeof key === 'number') return Math.abs(key | 0) % SHARDS;
  if (typeof key === 'boolean') return key ? 1 : 0;
  if (typeof key === 'bigint') return Number(BigInt.asUintN(6, key));
  let hash = key.length;
  for (let i = Math.max(0, key.length - 8); i < key.length; i++) hash = (hash * 31 + key.charCodeAt(i)) | 0;
  return (hash >>> 0) % SHARDS;
}
