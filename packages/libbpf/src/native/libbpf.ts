import koffi, { type LibraryHandle } from 'koffi';
import { installLog } from './log.js';

/** An address in this process's memory; 0n and null are NULL. */
export type Pointer = bigint | null;
/** Where C wants a pointer to bytes: a Buffer for the time of the call, or memory that stays put. */
export type Bytes = Uint8Array | Uint32Array | BigUint64Array | Pointer;

const SIGNATURES = [
  'void *bpf_object__open_file(const char *path, void *opts)',
  'int bpf_object__load(void *obj)',
  'void bpf_object__close(void *obj)',
  'void *bpf_object__next_map(void *obj, void *map)',
  'void *bpf_object__next_program(void *obj, void *prog)',
  'void *bpf_object__find_map_by_name(void *obj, const char *name)',
  'const char *bpf_map__name(void *map)',
  'int bpf_map__fd(void *map)',
  'int bpf_map__type(void *map)',
  'uint32_t bpf_map__key_size(void *map)',
  'uint32_t bpf_map__value_size(void *map)',
  'uint32_t bpf_map__max_entries(void *map)',
  'int bpf_map__set_max_entries(void *map, uint32_t max_entries)',
  'int bpf_map__set_type(void *map, int type)',
  'int bpf_map__set_pin_path(void *map, const char *path)',
  'int bpf_map__reuse_fd(void *map, int fd)',
  'int bpf_map__set_initial_value(void *map, void *data, size_t size)',
  'const char *bpf_program__name(void *prog)',
  'int bpf_program__type(void *prog)',
  'int bpf_program__fd(void *prog)',
  'const char *libbpf_bpf_map_type_str(int type)',
  'const char *libbpf_bpf_prog_type_str(int type)',
  'int libbpf_num_possible_cpus()',
  'int libbpf_probe_bpf_helper(int prog_type, int helper, void *opts)',
  'int libbpf_probe_bpf_map_type(int map_type, void *opts)',
  'int bpf_map_create(int type, const char *name, uint32_t key_size, uint32_t value_size, uint32_t max_entries, void *opts)',
  'int bpf_map_lookup_elem(int fd, void *key, void *value)',
  'int bpf_map_update_elem(int fd, void *key, void *value, uint64_t flags)',
  'int bpf_map_delete_elem(int fd, void *key)',
  'int bpf_map_get_next_key(int fd, void *key, void *next_key)',
  'int bpf_map_lookup_batch(int fd, void *in, void *out, void *keys, void *values, void *count, void *opts)',
  'int bpf_map_update_batch(int fd, void *keys, void *values, void *count, void *opts)',
  'int bpf_map_delete_batch(int fd, void *keys, void *count, void *opts)',
  'int bpf_prog_load(int type, const char *name, const char *license, void *insns, size_t insn_cnt, void *opts)',
  'int bpf_prog_test_run_opts(int fd, void *opts)',
  'int bpf_obj_pin(int fd, const char *path)',
  'int bpf_obj_get(const char *path)',
  'int bpf_obj_get_info_by_fd(int fd, void *info, void *info_len)',
  'int bpf_link_create(int prog_fd, int target_fd, int attach_type, void *opts)',
  'int bpf_link_update(int link_fd, int prog_fd, void *opts)',
  'int bpf_link_detach(int link_fd)',
  'int bpf_prog_get_next_id(uint32_t start, void *next)',
  'int bpf_map_get_next_id(uint32_t start, void *next)',
  'int bpf_link_get_next_id(uint32_t start, void *next)',
  'int bpf_prog_get_fd_by_id(uint32_t id)',
  'int bpf_map_get_fd_by_id(uint32_t id)',
  'int bpf_link_get_fd_by_id(uint32_t id)',
  'int bpf_tc_hook_create(void *hook)',
  'int bpf_tc_hook_destroy(void *hook)',
  'int bpf_tc_attach(void *hook, void *opts)',
  'int bpf_tc_detach(void *hook, void *opts)',
  'int bpf_tc_query(void *hook, void *opts)',
  'int ring_buffer__consume(void *rb)',
  'void ring_buffer__free(void *rb)',
];

/** What a call on a worker thread ends with. */
export type Done = (error: unknown, result: number) => void;

/** A function that may take long. */
interface Callable<A extends unknown[]> {
  (...args: A): number;
  /** Runs on a worker thread. */
  async(...args: [...A, done: Done]): void;
}

/** Resolves with what a call on a worker thread returns. */
export function onThread(call: (done: Done) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    call((error, result) => (error ? reject(error) : resolve(result)));
  });
}

/** The functions of libbpf.so.1 this package calls: negative errno on failure unless a pointer is returned. */
export interface Libbpf {
  bpf_object__open_file(path: string, opts: Bytes): Pointer;
  bpf_object__load: Callable<[obj: Pointer]>;
  bpf_object__close(obj: Pointer): void;
  bpf_object__next_map(obj: Pointer, map: Pointer): Pointer;
  bpf_object__next_program(obj: Pointer, prog: Pointer): Pointer;
  bpf_object__find_map_by_name(obj: Pointer, name: string): Pointer;
  bpf_map__name(map: Pointer): string;
  bpf_map__fd(map: Pointer): number;
  bpf_map__type(map: Pointer): number;
  bpf_map__key_size(map: Pointer): number;
  bpf_map__value_size(map: Pointer): number;
  bpf_map__max_entries(map: Pointer): number;
  bpf_map__set_max_entries(map: Pointer, maxEntries: number): number;
  bpf_map__set_type(map: Pointer, type: number): number;
  bpf_map__set_pin_path(map: Pointer, path: string | null): number;
  bpf_map__reuse_fd(map: Pointer, fd: number): number;
  bpf_map__set_initial_value(map: Pointer, data: Bytes, size: number): number;
  bpf_program__name(prog: Pointer): string;
  bpf_program__type(prog: Pointer): number;
  bpf_program__fd(prog: Pointer): number;
  libbpf_bpf_map_type_str(type: number): string | null;
  libbpf_bpf_prog_type_str(type: number): string | null;
  libbpf_num_possible_cpus(): number;
  libbpf_probe_bpf_helper(progType: number, helper: number, opts: null): number;
  libbpf_probe_bpf_map_type(mapType: number, opts: null): number;
  bpf_map_create(type: number, name: string, key: number, value: number, max: number, opts: Bytes): number;
  bpf_map_lookup_elem(fd: number, key: Bytes, value: Bytes): number;
  bpf_map_update_elem(fd: number, key: Bytes, value: Bytes, flags: number): number;
  bpf_map_delete_elem(fd: number, key: Bytes): number;
  bpf_map_get_next_key(fd: number, key: Bytes, next: Bytes): number;
  bpf_map_lookup_batch(fd: number, inB: Bytes, outB: Bytes, k: Bytes, v: Bytes, n: Bytes, o: Bytes): number;
  bpf_map_update_batch(fd: number, keys: Bytes, values: Bytes, count: Bytes, opts: Bytes): number;
  bpf_map_delete_batch(fd: number, keys: Bytes, count: Bytes, opts: Bytes): number;
  bpf_prog_load(type: number, name: string, license: string, insns: Bytes, n: number, opts: Bytes): number;
  bpf_prog_test_run_opts(fd: number, opts: Bytes): number;
  bpf_obj_pin(fd: number, path: string): number;
  bpf_obj_get(path: string): number;
  bpf_obj_get_info_by_fd(fd: number, info: Bytes, length: Bytes): number;
  bpf_link_create: Callable<[progFd: number, targetFd: number, attachType: number, opts: Bytes]>;
  bpf_link_update(linkFd: number, progFd: number, opts: Bytes): number;
  bpf_link_detach: Callable<[linkFd: number]>;
  bpf_prog_get_next_id(start: number, next: Bytes): number;
  bpf_map_get_next_id(start: number, next: Bytes): number;
  bpf_link_get_next_id(start: number, next: Bytes): number;
  bpf_prog_get_fd_by_id(id: number): number;
  bpf_map_get_fd_by_id(id: number): number;
  bpf_link_get_fd_by_id(id: number): number;
  bpf_tc_hook_create(hook: Bytes): number;
  bpf_tc_hook_destroy(hook: Bytes): number;
  bpf_tc_attach(hook: Bytes, opts: Bytes): number;
  bpf_tc_detach(hook: Bytes, opts: Bytes): number;
  bpf_tc_query(hook: Bytes, opts: Bytes): number;
  /** `sample` stays registered until {@link SampleCallback.release}; NULL with errno on failure. */
  ring_buffer__new(mapFd: number, sample: SampleCallback, ctx: null, opts: null): Pointer;
  ring_buffer__consume(rb: Pointer): number;
  ring_buffer__free(rb: Pointer): void;
}

/** A function that libbpf calls for each record of a ring buffer; a negative result stops it. */
export class SampleCallback {
  readonly pointer: bigint;

  constructor(sample: (ctx: Pointer, data: bigint, size: number | bigint) => number) {
    this.pointer = koffi.register(sample, koffi.pointer(sampleProto())) as unknown as bigint;
  }

  release(): void {
    koffi.unregister(this.pointer as never);
  }
}

let proto: ReturnType<typeof koffi.proto> | undefined;

function sampleProto(): NonNullable<typeof proto> {
  proto ??= koffi.proto('int (void *ctx, void *data, size_t size)');
  return proto;
}

let loaded: Libbpf | undefined;

/** Opens libbpf.so.1 on first use, so that reading BTF and generating code need no libbpf at all. */
export function libbpf(): Libbpf {
  loaded ??= open('libbpf.so.1');
  return loaded;
}

/** @internal for tests; use {@link libbpf}. */
export function open(soname: string): Libbpf {
  let library: LibraryHandle;
  try {
    library = koffi.load(soname);
  } catch (cause) {
    throw new Error(`cannot open ${soname}: install libbpf1 (Debian, Ubuntu) or libbpf (Fedora, Alpine)`, {
      cause,
    });
  }
  const functions = SIGNATURES.map((signature) => library.func(signature));
  installLog(library);
  const newRing = library.func('ring_buffer__new', 'void *', [
    'int',
    koffi.pointer(sampleProto()),
    'void *',
    'void *',
  ]);
  const ring_buffer__new: Libbpf['ring_buffer__new'] = (fd, sample, ctx, opts) =>
    newRing(fd, sample.pointer, ctx, opts);
  const named = Object.fromEntries(functions.map((f) => [f.info.name, f]));
  return { ...named, ring_buffer__new } as unknown as Libbpf;
}
