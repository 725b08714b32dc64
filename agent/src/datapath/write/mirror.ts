import type { BpfMap } from '@iovisor-ovn/libbpf';
import type { ConfigMap } from '../entry.js';
import { keyBuffer, keyText } from '../entry.js';

/** What the writer needs of a map; BpfMap is one. */
export type WritableMap = Pick<
  BpfMap,
  | 'name'
  | 'keySize'
  | 'valueSize'
  | 'maxEntries'
  | 'type'
  | 'update'
  | 'updateBatch'
  | 'delete'
  | 'deleteBatch'
  | 'entries'
  | 'lookup'
  | 'pages'
>;

/** One change of a map. `value` undefined: the entry goes (in an array: becomes zero). */
export interface Write {
  key: string;
  value: Buffer | undefined;
  unit: string;
  datapath: number;
}

/** Counts system calls' worth of work, for tests and reports: a restart must not write anything. */
export interface WriteCounters {
  updates: number;
  deletes: number;
}

/** What could not be written. */
export interface WriteFailure {
  map: ConfigMap;
  write: Write;
  error: Error;
}

/** Entries of one system call: under a millisecond, so that the event loop can turn in time. */
const BATCH = 1024;

/**
 * One configuration map and what it holds: read once, then kept up to date by our own writes, which are the only ones.
 * A zero entry of an array counts as absent.
 */
export class Mirror {
  readonly name: ConfigMap;
  readonly #map: WritableMap;
  readonly #array: boolean;
  readonly #actual = new Map<string, Buffer>();
  readonly #counters: WriteCounters;

  constructor(name: ConfigMap, map: WritableMap, counters: WriteCounters) {
    this.name = name;
    this.#map = map;
    this.#array = map.type === 'array';
    this.#counters = counters;
  }

  /** Reads the whole map anew. @returns keys that hold something else than this mirror believed */
  *refresh(): Generator<undefined, Set<string>> {
    const before = new Map(this.#actual);
    this.#actual.clear();
    let count = 0;
    for (const [key, value] of this.#map.entries(BATCH)) {
      if (!this.#array || value.some((byte) => byte !== 0))
        this.#actual.set(keyText(key), Buffer.from(value));
      if (++count % BATCH === 0) yield;
    }
    const changed = new Set<string>();
    for (const [key, value] of this.#actual) if (!before.get(key)?.equals(value)) changed.add(key);
    for (const key of before.keys()) if (!this.#actual.has(key)) changed.add(key);
    return changed;
  }

  get(key: string): Buffer | undefined {
    return this.#actual.get(key);
  }

  /** Reads one entry anew: others than this mirror have written it. */
  reread(key: string): Buffer | undefined {
    const value = this.read(key);
    if (value === undefined) this.#actual.delete(key);
    else this.#actual.set(key, value);
    return value;
  }

  /** What the kernel has now, whatever this mirror believes. */
  read(key: string): Buffer | undefined {
    const value = this.#map.lookup(keyBuffer(key));
    if (value === undefined) return undefined;
    return this.#array && isZero(value) ? undefined : value;
  }

  /** Every entry as the kernel has it now (see BpfMap.entries()); undefined now and then, for the event loop to turn. */
  *dump(): Generator<[key: string, value: Buffer] | undefined> {
    const { keySize, valueSize } = this.#map;
    for (const { keys, values, count } of this.#map.pages(BATCH)) {
      // Most of an array is empty.
      if (this.#array && isZero(values.subarray(0, count * valueSize))) {
        yield undefined;
        continue;
      }
      for (let i = 0; i < count; i++) {
        const value = values.subarray(i * valueSize, (i + 1) * valueSize);
        if (this.#array && isZero(value)) continue;
        yield [keyText(keys.subarray(i * keySize, (i + 1) * keySize)), value];
      }
      yield undefined;
    }
  }

  get size(): number {
    return this.#actual.size;
  }

  entries(): Iterable<[string, Buffer]> {
    return this.#actual.entries();
  }

  keys(): Iterable<string> {
    return this.#actual.keys();
  }

  /** Whether writing `value` would change the map. */
  differs(key: string, value: Buffer | undefined): boolean {
    const actual = this.#actual.get(key);
    if (value === undefined || (this.#array && isZero(value))) return actual !== undefined;
    return actual === undefined || !actual.equals(value);
  }

  /** Yields between batches, for the event loop to turn. @returns what could not be written */
  *write(writes: readonly Write[]): Generator<undefined, WriteFailure[]> {
    const failures: WriteFailure[] = [];
    for (let at = 0; at < writes.length; at += BATCH) {
      if (at > 0) yield;
      const part = writes.slice(at, at + BATCH);
      const kept = (write: Write) => write.value !== undefined || this.#array;
      this.#update(part.filter(kept), failures);
      this.#delete(
        part.filter((write) => !kept(write)),
        failures,
      );
    }
    return failures;
  }

  #update(writes: readonly Write[], failures: WriteFailure[]): void {
    if (writes.length > 1 && this.#updateTogether(writes)) return;
    for (const write of writes) {
      try {
        this.#map.update(keyBuffer(write.key), this.#valueOf(write));
        this.#wrote(write);
      } catch (error) {
        failures.push({ map: this.name, write, error: error as Error });
      }
    }
  }

  /** @returns false when an entry was refused: then each is tried by itself, to learn which */
  #updateTogether(writes: readonly Write[]): boolean {
    const keys = Buffer.concat(writes.map(({ key }) => keyBuffer(key)));
    const values = Buffer.concat(writes.map((write) => this.#valueOf(write)));
    try {
      this.#map.updateBatch(keys, values, writes.length);
    } catch {
      return false;
    }
    for (const write of writes) this.#wrote(write);
    return true;
  }

  #valueOf({ value }: Write): Buffer {
    return value ?? Buffer.alloc(this.#map.valueSize);
  }

  #wrote({ key, value }: Write): void {
    this.#counters.updates++;
    if (value === undefined || (this.#array && value.every((byte) => byte === 0))) this.#actual.delete(key);
    else this.#actual.set(key, value);
  }

  #delete(writes: readonly Write[], failures: WriteFailure[]): void {
    if (writes.length > 1 && this.#deleteTogether(writes)) return;
    for (const write of writes) {
      try {
        this.#map.delete(keyBuffer(write.key));
        this.#deleted(write);
      } catch (error) {
        failures.push({ map: this.name, write, error: error as Error });
      }
    }
  }

  /** @returns false when the kernel refused: then each is tried by itself, to learn which */
  #deleteTogether(writes: readonly Write[]): boolean {
    try {
      this.#map.deleteBatch(Buffer.concat(writes.map(({ key }) => keyBuffer(key))), writes.length);
    } catch {
      return false;
    }
    for (const write of writes) this.#deleted(write);
    return true;
  }

  #deleted({ key }: Write): void {
    this.#actual.delete(key);
    this.#counters.deletes++;
  }
}

/** A page of any map. */
const ZEROES = Buffer.alloc(BATCH * 128);

export function isZero(value: Buffer): boolean {
  return value.length <= ZEROES.length
    ? ZEROES.compare(value, 0, value.length, 0, value.length) === 0
    : value.every((byte) => byte === 0);
}
