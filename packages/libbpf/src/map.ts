import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { possibleCpus } from './cpus.js';
import { BpfError, check } from './errors.js';
import {
  BATCH_ENTRIES,
  type BatchTarget,
  deleteChunk,
  keysOneByOne,
  lookupSlices,
  type Slice,
  updateChunk,
} from './map-batch.js';
import { isPerCpu, type MapType, mapTypeName, mapTypes } from './map-type.js';
import { cString, objectInfo, openPin, pin } from './native/info.js';
import { libbpf } from './native/libbpf.js';

/** What {@link BpfMap.create} makes. */
export interface MapSpec {
  type: MapType;
  /** At most 15 characters of [A-Za-z0-9_.]; longer names are cut by libbpf. */
  name: string;
  /** Bytes. */
  keySize: number;
  /** Bytes; not rounded up for per-CPU maps. */
  valueSize: number;
  maxEntries: number;
  /** BPF_F_* (see {@link mapFlags}). */
  flags?: number;
  /** For array_of_maps and hash_of_maps: a map like those that will be put in. It may be closed afterwards. */
  innerMap?: BpfMap;
}

/** When an update may happen: in any case, only for a new key, only for an existing one. */
export type UpdateFlag = 'any' | 'noexist' | 'exist';

const UPDATE_FLAGS: Readonly<Record<UpdateFlag, number>> = { any: 0, noexist: 1, exist: 2 };

/** Anything with a file descriptor that a map of maps or a program array can hold. */
export interface HasFd {
  readonly fd: number;
}

/** @internal What an object knows of a map before it is loaded. */
export interface MapShape {
  name: string;
  type: number;
  keySize: number;
  valueSize: number;
  maxEntries: number;
}

/**
 * A BPF map. Keys and values are Buffers of exactly `keySize` and `valueSize` bytes in the layout of the C
 * structs (see StructCodec). Every method is one system call (microseconds) unless it says otherwise.
 */
export class BpfMap implements HasFd {
  readonly name: string;
  readonly type: MapType | 'unknown';
  /** Bytes of a key. */
  readonly keySize: number;
  /** Bytes of a value; for per-CPU maps of one CPU's value. */
  readonly valueSize: number;
  #maxEntries: number;
  #fd = -1;
  #id = 0;
  #owned = true;
  #batch: BatchTarget;

  /** @internal use create(), openPinned() or BpfObject.map(). */
  constructor(shape: MapShape) {
    this.name = shape.name;
    this.type = mapTypeName(shape.type);
    this.keySize = shape.keySize;
    this.valueSize = shape.valueSize;
    this.#maxEntries = shape.maxEntries;
    const valueBytes = isPerCpu(this.type) ? this.#stride * possibleCpus() : this.valueSize;
    this.#batch = { fd: -1, keySize: this.keySize, valueBytes, target: `map ${this.name}` };
  }

  /** Creates a map that lives until it is closed, unless a pin, a program or an outer map holds it too. */
  static create(spec: MapSpec): BpfMap {
    // struct bpf_map_create_opts
    const opts = Buffer.alloc(48);
    opts.writeBigUInt64LE(48n, 0);
    opts.writeUInt32LE(spec.innerMap?.fd ?? 0, 24);
    opts.writeUInt32LE(spec.flags ?? 0, 28);
    const type = mapTypes[spec.type];
    const { name, keySize, valueSize, maxEntries } = spec;
    const fd = libbpf().bpf_map_create(type, name, keySize, valueSize, maxEntries, opts);
    return BpfMap.fromFd(check(fd, `create ${spec.type}`, `map ${name}`));
  }

  /** Opens a map pinned in a BPF file system. @throws BpfError ENOENT, or EINVAL if the pin is no map. */
  static openPinned(path: string): BpfMap {
    return BpfMap.fromFd(openPin(path, 'map'));
  }

  /** Opens a map by its kernel-wide id. */
  static openId(id: number): BpfMap {
    return BpfMap.fromFd(check(libbpf().bpf_map_get_fd_by_id(id), 'open', `map with id ${id}`));
  }

  /** @internal takes the descriptor over. */
  static fromFd(fd: number): BpfMap {
    const info = readMapInfo(fd);
    const map = new BpfMap(info);
    map.#fd = fd;
    map.#id = info.id;
    map.#batch.fd = fd;
    return map;
  }

  /** @internal the object's map got its descriptor (load), or lost it (close: -1). The object closes it. */
  lend(fd: number): void {
    this.#fd = fd;
    this.#batch.fd = fd;
    this.#owned = false;
    if (fd >= 0) ({ id: this.#id, maxEntries: this.#maxEntries } = readMapInfo(fd));
  }

  /** @throws BpfError EBADF before the object is loaded and after close(). */
  get fd(): number {
    if (this.#fd < 0) {
      const hint = 'It is closed, or its object is not loaded yet';
      throw new BpfError('use', `map ${this.name}`, constants.errno.EBADF, { hint });
    }
    return this.#fd;
  }

  get maxEntries(): number {
    return this.#maxEntries;
  }

  /** Kernel-wide id, as bpftool shows it. */
  get id(): number {
    if (this.#fd < 0) return this.fd; // throws
    return this.#id;
  }

  /** Bytes between two CPUs' values: the kernel rounds up to 8. */
  get #stride(): number {
    return Math.ceil(this.valueSize / 8) * 8;
  }

  /** Pins the map: it outlives this process. The directory must exist, on a BPF file system. */
  pin(path: string): void {
    pin(this.fd, path, `map ${this.name}`);
  }

  /** Closes the descriptor. A map of a BpfObject is closed with its object instead; then this does nothing. */
  close(): void {
    if (!this.#owned || this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
    this.#batch.fd = -1;
  }

  /** The value under `key`, or undefined. A map of maps answers with the inner map's id. */
  lookup(key: Buffer): Buffer | undefined {
    const value = Buffer.allocUnsafe(this.valueSize);
    return this.lookupInto(key, value) ? value : undefined;
  }

  /** Like lookup, into a buffer of the caller: for paths that must not allocate. @returns whether it was there */
  lookupInto(key: Buffer, value: Buffer): boolean {
    if (isPerCpu(this.type)) this.#refuse('look up in', 'Its values are per CPU: use lookupPerCpu()');
    this.#expect(key, this.keySize, 'key');
    this.#expect(value, this.valueSize, 'value');
    return this.#lookup(key, value);
  }

  #lookup(key: Buffer, value: Buffer): boolean {
    const result = libbpf().bpf_map_lookup_elem(this.fd, key, value);
    if (result >= 0) return true;
    if (-result === constants.errno.ENOENT) return false;
    throw new BpfError('look up in', this.#batch.target, result);
  }

  /** Each possible CPU's value under `key`, in the order of CPU numbers; undefined if the key is absent. */
  lookupPerCpu(key: Buffer): Buffer[] | undefined {
    if (!isPerCpu(this.type)) this.#refuse('look up per CPU in', `It is of type ${this.type}: use lookup()`);
    this.#expect(key, this.keySize, 'key');
    const all = Buffer.allocUnsafe(this.#batch.valueBytes);
    return this.#lookup(key, all) ? this.splitPerCpu(all) : undefined;
  }

  /** Cuts what entries() of a per-CPU map yields as value into one Buffer a CPU (views, not copies). */
  splitPerCpu(all: Buffer): Buffer[] {
    this.#expect(all, this.#batch.valueBytes, 'per-CPU value');
    return Array.from({ length: possibleCpus() }, (_, cpu) =>
      all.subarray(cpu * this.#stride, cpu * this.#stride + this.valueSize),
    );
  }

  /**
   * Writes one entry. For a per-CPU map every CPU gets this value.
   * @throws BpfError EEXIST ('noexist'), ENOENT ('exist'), E2BIG (map full)
   */
  update(key: Buffer, value: Buffer, flag: UpdateFlag = 'any'): void {
    this.#expect(key, this.keySize, 'key');
    this.#expect(value, this.valueSize, 'value');
    const bytes = isPerCpu(this.type) ? this.#replicate(value) : value;
    const result = libbpf().bpf_map_update_elem(this.fd, key, bytes, UPDATE_FLAGS[flag]);
    if (result >= 0) return;
    const hint =
      -result === constants.errno.E2BIG ? `It holds at most ${this.maxEntries} entries` : undefined;
    throw new BpfError('update', this.#batch.target, result, { hint });
  }

  #replicate(value: Buffer): Buffer {
    const all = Buffer.alloc(this.#batch.valueBytes);
    for (let at = 0; at < all.length; at += this.#stride) value.copy(all, at);
    return all;
  }

  /** Puts a map into a map of maps, or a program into a program array. */
  updateFd(key: Buffer, held: HasFd): void {
    const value = Buffer.allocUnsafe(4);
    value.writeUInt32LE(held.fd);
    this.update(key, value);
  }

  /** Removes one entry. @returns false if it was absent */
  delete(key: Buffer): boolean {
    this.#expect(key, this.keySize, 'key');
    const result = libbpf().bpf_map_delete_elem(this.fd, key);
    if (result >= 0) return true;
    if (-result === constants.errno.ENOENT) return false;
    throw new BpfError('delete from', this.#batch.target, result);
  }

  /**
   * Writes the first `count` entries packed into `keys` and `values`, {@link BATCH_ENTRIES} a system call. More
   * than that many hold the event loop too long: use {@link updateBatchSliced}. Per-CPU values: all CPUs, each
   * rounded up to 8 bytes. Not atomic: on an error the entries before the refused one have been written.
   */
  updateBatch(keys: Buffer, values: Buffer, count: number): void {
    for (const [offset, size] of this.#chunks(keys, values, count)) {
      updateChunk(this.#batch, keys, values, offset, size);
    }
  }

  /** Like updateBatch for any number of entries: lets the event loop turn between the system calls. */
  async updateBatchSliced(keys: Buffer, values: Buffer, count: number): Promise<void> {
    for (const [offset, size] of this.#chunks(keys, values, count)) {
      if (offset > 0) await new Promise(setImmediate);
      updateChunk(this.#batch, keys, values, offset, size);
    }
  }

  /** Deletes the first `count` keys packed into `keys`; absent ones are no error. @returns how many were there */
  deleteBatch(keys: Buffer, count: number): number {
    let deleted = 0;
    for (const [offset, size] of this.#chunks(keys, undefined, count)) {
      deleted += deleteChunk(this.#batch, keys, offset, size);
    }
    return deleted;
  }

  /**
   * All entries, `chunk` a system call. Entries that come or go meanwhile may be missed, none is reported torn;
   * deleting (also what was just yielded) is safe. The Buffers stay valid. Per-CPU values: see splitPerCpu().
   */
  *entries(chunk = BATCH_ENTRIES): Generator<[key: Buffer, value: Buffer]> {
    const target = { ...this.#batch, fd: this.fd };
    const { keySize, valueBytes } = target;
    const slices = lookupSlices(target, Math.min(chunk, this.maxEntries));
    for (let slice = slices.next(); ; slice = slices.next()) {
      if (slice.done) {
        if (!slice.value) yield* this.#entriesOneByOne();
        return;
      }
      const { keys, values, count } = slice.value;
      for (let i = 0; i < count; i++) {
        const key = keys.subarray(i * keySize, (i + 1) * keySize);
        yield [key, values.subarray(i * valueBytes, (i + 1) * valueBytes)];
      }
    }
  }

  /**
   * Like entries(), `chunk` entries at a time as the kernel gives them, packed: for whoever looks at most of them as bytes only.
   */
  *pages(chunk = BATCH_ENTRIES): Generator<Slice> {
    const slices = lookupSlices({ ...this.#batch, fd: this.fd }, Math.min(chunk, this.maxEntries));
    for (let slice = slices.next(); ; slice = slices.next()) {
      if (!slice.done) yield slice.value;
      else {
        if (!slice.value)
          for (const [keys, values] of this.#entriesOneByOne()) yield { keys, values, count: 1 };
        return;
      }
    }
  }

  *#entriesOneByOne(): Generator<[Buffer, Buffer]> {
    for (const key of keysOneByOne(this.#batch, this.maxEntries)) {
      const value = Buffer.allocUnsafe(this.#batch.valueBytes);
      if (this.#lookup(key, value)) yield [key, value];
    }
  }

  /** All keys, with entries()' promises. */
  *keys(): Generator<Buffer> {
    for (const [key] of this.entries()) yield key;
  }

  /** Deletes every entry; arrays, which cannot lose any, are zeroed. */
  clear(): void {
    const zero = this.type === 'array' || this.type === 'percpu_array';
    const slices = lookupSlices({ ...this.#batch, fd: this.fd }, Math.min(BATCH_ENTRIES, this.maxEntries));
    for (let slice = slices.next(); ; slice = slices.next()) {
      if (slice.done) {
        if (!slice.value) for (const key of keysOneByOne(this.#batch, this.maxEntries)) this.delete(key);
        return;
      }
      const { keys, values, count } = slice.value;
      if (zero) updateChunk(this.#batch, keys, values.fill(0), 0, count);
      else deleteChunk(this.#batch, keys, 0, count);
    }
  }

  *#chunks(
    keys: Buffer,
    values: Buffer | undefined,
    count: number,
  ): Generator<[offset: number, size: number]> {
    this.#batch.fd = this.fd;
    if (keys.length < count * this.keySize) this.#short('keys', keys, count, this.keySize);
    const bytes = this.#batch.valueBytes;
    if (values !== undefined && values.length < count * bytes) this.#short('values', values, count, bytes);
    for (let offset = 0; offset < count; offset += BATCH_ENTRIES) {
      yield [offset, Math.min(BATCH_ENTRIES, count - offset)];
    }
  }

  #short(what: string, buffer: Buffer, count: number, size: number): never {
    const wanted = `${count} of ${size} bytes each`;
    throw new RangeError(`map ${this.name}: ${what} has ${buffer.length} bytes, not enough for ${wanted}`);
  }

  // The kernel trusts the caller about lengths: a short Buffer would let it read or write beyond.
  #expect(buffer: Buffer, size: number, what: string): void {
    if (buffer.length === size) return;
    throw new RangeError(`map ${this.name}: the ${what} must have ${size} bytes, not ${buffer.length}`);
  }

  #refuse(operation: string, hint: string): never {
    throw new BpfError(operation, `map ${this.name}`, constants.errno.EINVAL, { hint });
  }
}

/** What the kernel tells of a map. */
export interface MapInfo extends MapShape {
  id: number;
  /** BPF_F_* it was created with. */
  flags: number;
}

/** @internal */
export function readMapInfo(fd: number): MapInfo {
  // struct bpf_map_info
  const info = objectInfo(fd, Buffer.alloc(88), `map with descriptor ${fd}`);
  return {
    type: info.readUInt32LE(0),
    id: info.readUInt32LE(4),
    keySize: info.readUInt32LE(8),
    valueSize: info.readUInt32LE(12),
    maxEntries: info.readUInt32LE(16),
    flags: info.readUInt32LE(20),
    name: cString(info.subarray(24, 40)),
  };
}
