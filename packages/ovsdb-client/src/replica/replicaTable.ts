import type { GenericRow } from '../schema/rowCodec.js';
import { nextSlice, sliceExpired } from '../wire/timeSlice.js';
import type { AnyChange } from './change.js';
import { canonicalKey, type Index, type IndexBy, type KeysOf, keysOf, RowIndex } from './rowIndex.js';
import { ShardedMap } from './shardedMap.js';

interface TableState {
  readonly rows: ShardedMap<string, GenericRow>;
  readonly indexes: Map<KeysOf, RowIndex>;
}

/** The rows of one table of a Replica. Rows are frozen; a changed row is a new object. */
export class ReplicaTable<R> {
  readonly name: string;
  #state: TableState = { rows: new ShardedMap(), indexes: new Map() };

  /** @internal */
  constructor(name: string) {
    this.name = name;
  }

  /** Number of rows. */
  get size(): number {
    return this.#state.rows.size;
  }

  /** The row with this UUID. */
  get(uuid: string): R | undefined {
    return this.#state.rows.get(uuid) as R | undefined;
  }

  /** All rows, in no particular order. */
  [Symbol.iterator](): IterableIterator<R> {
    return this.#state.rows.values() as IterableIterator<R>;
  }

  /**
   * Makes an index, see IndexBy. It is filled at once, so indexes of big tables are best made before the replica is
   * started. An index lives as long as its table: make one per purpose, not one per look-up.
   */
  index(by: IndexBy<R>): Index<R> {
    const keys = keysOf(by as IndexBy<never>);
    this.#state.indexes.set(keys, this.#fill(keys));
    const current = () => this.#state.indexes.get(keys)!;
    return {
      get: (key) => current().get(canonicalKey(key)) as R | undefined,
      all: (key) => current().all(canonicalKey(key)) as R[],
    };
  }

  /** @internal Applies changes at once. */
  apply(changes: readonly AnyChange[]): void {
    const { rows, indexes } = this.#state;
    for (const change of changes) {
      applyRow(rows, change);
      for (const index of indexes.values()) {
        if (change.old) index.remove(change.old);
        if (change.row) index.add(change.row);
      }
    }
  }

  /**
   * @internal Works many changes into a copy, in slices, and returns the function that puts the copy in place: readers
   * see all of the changes or none.
   */
  async prepare(changes: readonly AnyChange[]): Promise<() => void> {
    const rows = new ShardedMap<string, GenericRow>();
    for (const row of this.#state.rows.values()) {
      rows.set(row._uuid, row);
      if (sliceExpired()) await nextSlice();
    }
    for (const change of changes) {
      applyRow(rows, change);
      if (sliceExpired()) await nextSlice();
    }
    const indexes = new Map<KeysOf, RowIndex>();
    for (const keys of [...this.#state.indexes.keys()]) {
      const index = new RowIndex(keys);
      for (const row of rows.values()) {
        index.add(row);
        if (sliceExpired()) await nextSlice();
      }
      indexes.set(keys, index);
    }
    return () => {
      const before = this.#state;
      this.#state = { rows, indexes };
      // Indexes that were made meanwhile.
      for (const keys of before.indexes.keys()) if (!indexes.has(keys)) indexes.set(keys, this.#fill(keys));
    };
  }

  #fill(keys: KeysOf): RowIndex {
    const index = new RowIndex(keys);
    for (const row of this.#state.rows.values()) index.add(row);
    return index;
  }
}

function applyRow(rows: ShardedMap<string, GenericRow>, { uuid, row }: AnyChange): void {
  if (row) rows.set(uuid, row);
  else rows.delete(uuid);
}
