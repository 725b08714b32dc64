/** Map types (enum bpf_map_type) by the names bpftool and libbpf use. */
export const mapTypes = {
  hash: 1,
  array: 2,
  prog_array: 3,
  perf_event_array: 4,
  percpu_hash: 5,
  percpu_array: 6,
  stack_trace: 7,
  cgroup_array: 8,
  lru_hash: 9,
  lru_percpu_hash: 10,
  lpm_trie: 11,
  array_of_maps: 12,
  hash_of_maps: 13,
  devmap: 14,
  sockmap: 15,
  cpumap: 16,
  xskmap: 17,
  sockhash: 18,
  cgroup_storage: 19,
  reuseport_sockarray: 20,
  percpu_cgroup_storage: 21,
  queue: 22,
  stack: 23,
  sk_storage: 24,
  devmap_hash: 25,
  struct_ops: 26,
  ringbuf: 27,
  inode_storage: 28,
  task_storage: 29,
  bloom_filter: 30,
  user_ringbuf: 31,
  cgrp_storage: 32,
  arena: 33,
} as const;

export type MapType = keyof typeof mapTypes;

const names = new Map<number, MapType>(
  Object.entries(mapTypes).map(([name, value]) => [value, name as MapType]),
);

/** The name of a numeric map type; `unknown` for one newer than this package. */
export function mapTypeName(type: number): MapType | 'unknown' {
  return names.get(type) ?? 'unknown';
}

/** Creation flags (BPF_F_*) one is likely to need; or them together. */
export const mapFlags = {
  /** Hash: allocate entries on insert. Required by lpm_trie. */
  noPrealloc: 1 << 0,
  /** The program may only read. */
  readOnlyProg: 1 << 7,
  /** Array: readable and writable through mmap. */
  mmapable: 1 << 10,
  /** Array used as an inner map: its max_entries may differ from the template's. */
  innerMap: 1 << 12,
} as const;

const PER_CPU: ReadonlySet<string> = new Set<MapType>([
  'percpu_hash',
  'percpu_array',
  'lru_percpu_hash',
  'percpu_cgroup_storage',
]);

/** Whether each possible CPU has its own value under a key. */
export function isPerCpu(type: MapType | 'unknown'): boolean {
  return PER_CPU.has(type);
}
