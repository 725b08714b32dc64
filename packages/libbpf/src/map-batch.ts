import { constants } from 'node:os';
import { BpfError } from './errors.js';
import { libbpf } from './native/libbpf.js';

/** Entries per system call: about 3 ms of kernel time, so that the event loop is never held longer than 5. */
export const BATCH_ENTRIES = 4096;

const { ENOENT, ENOSPC, EINTR, EINVAL, EOPNOTSUPP } = constants.errno;
const ENOTSUPP = 524;

/** What the batch functions need to know of a map. Sizes in bytes, as user space sees them. */
export interface BatchTarget {
  fd: number;
  keySize: number;
  /** Bytes of one entry's value: for a per-CPU map all CPUs together. */
  valueBytes: number;
  /** For error messages: `map flows`. */
  target: string;
}

const counter = new Uint32Array(1);

// struct bpf_map_batch_opts: sz, elem_flags, flags.
const options = Buffer.alloc(24);
options.writeBigUInt64LE(24n, 0);

/** Whether an error says that this map type, or this kernel, has no batch operations at all. */
function lacksBatch(errno: number): boolean {
  return errno === ENOTSUPP || errno === EOPNOTSUPP || errno === EINVAL;
}

/** One BPF_MAP_UPDATE_BATCH from `offset` entries on; falls back to single updates where the kernel has no batch. */
export function updateChunk(
  map: BatchTarget,
  keys: Buffer,
  values: Buffer,
  offset: number,
  count: number,
): void {
  const k = keys.subarray(offset * map.keySize);
  const v = values.subarray(offset * map.valueBytes);
  counter[0] = count;
  let errno = -libbpf().bpf_map_update_batch(map.fd, k, v, counter, options);
  let done = counter[0];
  if (errno > 0 && lacksBatch(errno)) [errno, done] = updateSingly(map, k, v, count);
  if (errno <= 0) return;
  const hint = `${offset + done} entries were written, entry ${offset + done} was refused${fullHint(errno)}`;
  throw new BpfError('update batch of', map.target, errno, { hint });
}

function updateSingly(
  map: BatchTarget,
  keys: Buffer,
  values: Buffer,
  count: number,
): [errno: number, done: number] {
  for (let i = 0; i < count; i++) {
    const value = values.subarray(i * map.valueBytes);
    const errno = -libbpf().bpf_map_update_elem(map.fd, keys.subarray(i * map.keySize), value, 0);
    if (errno > 0) return [errno, i];
  }
  return [0, count];
}

function fullHint(errno: number): string {
  return errno === constants.errno.E2BIG ? ' because the map is full' : '';
}

/** Deletes entries `offset` to `offset + count`; absent keys are passed over. @returns how many were there. */
export function deleteChunk(map: BatchTarget, keys: Buffer, offset: number, count: number): number {
  let deleted = 0;
  for (let at = offset; at < offset + count; ) {
    counter[0] = offset + count - at;
    const from = keys.subarray(at * map.keySize);
    const result = libbpf().bpf_map_delete_batch(map.fd, from, counter, options);
    if (result >= 0) return deleted + offset + count - at;
    if (lacksBatch(-result)) return deleted + deleteSingly(map, keys, at, offset + count);
    // The kernel stops at the first absent key and says how many it deleted before.
    if (-result !== ENOENT) throw new BpfError('delete batch of', map.target, result);
    deleted += counter[0]!;
    at += counter[0]! + 1;
  }
  return deleted;
}

function deleteSingly(map: BatchTarget, keys: Buffer, from: number, to: number): number {
  let deleted = 0;
  for (let at = from; at < to; at++) {
    const result = libbpf().bpf_map_delete_elem(map.fd, keys.subarray(at * map.keySize));
    if (result >= 0) deleted++;
    else if (-result !== ENOENT) throw new BpfError('delete from', map.target, result);
  }
  return deleted;
}

/** One slice of a walk over a map. */
export interface Slice {
  keys: Buffer;
  values: Buffer;
  count: number;
}

/**
 * Walks a map by BPF_MAP_LOOKUP_BATCH, `chunk` entries a system call, each slice in memory of its own.
 * @returns false (without having yielded) if the kernel has no batch lookup for this map.
 */
export function* lookupSlices(map: BatchTarget, chunk: number): Generator<Slice, boolean> {
  // The cursor is a bucket number for hashes, a key for others.
  const cursor = Buffer.alloc(Math.max(4, map.keySize));
  let started = false;
  let retries = 0;
  let size = Math.max(1, chunk);
  for (;;) {
    const keys = Buffer.allocUnsafe(size * map.keySize);
    const values = Buffer.allocUnsafe(size * map.valueBytes);
    counter[0] = size;
    const from = started ? cursor : null;
    const errno = -libbpf().bpf_map_lookup_batch(map.fd, from, cursor, keys, values, counter, options);
    const count = counter[0]!;
    if (errno > 0 && !started && lacksBatch(errno)) return false;
    if (errno === ENOSPC) {
      // One hash bucket holds more than the buffer: nothing was copied, ask again with more room.
      size *= 2;
      continue;
    }
    if (errno > 0 && errno !== ENOENT && errno !== EINTR)
      throw new BpfError('read batch of', map.target, errno);
    if (count > 0) {
      started = true;
      retries = 0;
      yield { keys, values, count };
    }
    if (errno === ENOENT || (errno <= 0 && count === 0)) return true;
    // EINTR: concurrent deletes outran the kernel's retries; go on from where it stopped, but not for ever.
    if (errno === EINTR && count === 0 && ++retries > 64)
      throw new BpfError('read batch of', map.target, errno);
  }
}

/**
 * Walks keys by BPF_MAP_GET_NEXT_KEY for kernels and map types without batches. Asked about a key that was deleted
 * meanwhile, the kernel starts anew: so the next key is fetched before this one is handed out (whoever gets it may
 * delete it), and keys already seen are skipped.
 * @throws BpfError EINTR if others delete so fast that the walk would never end
 */
export function* keysOneByOne(map: BatchTarget, maxEntries: number): Generator<Buffer> {
  const seen = new Set<string>();
  let key = nextKey(map, null);
  for (let steps = 0; key !== undefined; steps++) {
    if (steps > 64 * (maxEntries + 64)) throw new BpfError('walk', map.target, EINTR);
    const following = nextKey(map, key);
    const text = key.toString('latin1');
    if (!seen.has(text)) {
      seen.add(text);
      yield key;
    }
    key = following;
  }
}

function nextKey(map: BatchTarget, key: Buffer | null): Buffer | undefined {
  const next = Buffer.allocUnsafe(map.keySize);
  const result = libbpf().bpf_map_get_next_key(map.fd, key, next);
  if (result >= 0) return next;
  if (-result === ENOENT) return undefined;
  throw new BpfError('walk', map.target, result);
}
