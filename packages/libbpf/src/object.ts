import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import koffi from 'koffi';
import { Btf } from './btf/btf.js';
import { ElfFile } from './btf/elf.js';
import { BpfError, check } from './errors.js';
import { BpfMap } from './map.js';
import { type MapType, mapTypes } from './map-type.js';
import { libbpf, onThread, type Pointer } from './native/libbpf.js';
import { withLog, withLogAsync } from './native/log.js';
import { BpfProgram } from './program.js';
import { type RodataValue, rodataImages } from './rodata.js';
import { VerifierError } from './verifier-error.js';

const LOAD_TRIES = 100;

/** How to open an object; all names are those of the C source. */
export interface OpenOptions {
  /** Values of `const volatile` globals, which the verifier then sees as constants. */
  rodata?: Readonly<Record<string, RodataValue>>;
  /** Maps to use instead of creating new ones: they keep their contents across a reload. */
  reuse?: Readonly<Record<string, BpfMap>>;
  /** Sizes other than the source says. */
  maxEntries?: Readonly<Record<string, number>>;
  /** Types of maps other than the source says: of one to be reused whose type it does not know. */
  types?: Readonly<Record<string, MapType>>;
}

/**
 * A compiled BPF object: open it, load it once, use its maps and programs until it is closed. Nothing is pinned
 * or attached by itself, whatever the source says.
 */
export class BpfObject {
  readonly path: string;
  /** The types of the object. */
  readonly btf: Btf;
  /** By C name; the maps of global variables by section: `.rodata`, `.data`, `.bss`. */
  readonly maps: ReadonlyMap<string, BpfMap>;
  /** By name of the C function. */
  readonly programs: ReadonlyMap<string, BpfProgram>;
  #handle: Pointer;
  #loaded = false;
  readonly #options: OpenOptions;
  readonly #elf: ElfFile;
  #mapHandles!: ReadonlyMap<string, Pointer>;
  #programHandles!: ReadonlyMap<string, Pointer>;

  private constructor(path: string, handle: Pointer, options: OpenOptions) {
    this.path = path;
    this.#handle = handle;
    const lib = libbpf();
    this.#options = options;
    this.#elf = new ElfFile(readFileSync(path), path);
    this.btf = Btf.fromObjectFile(path);
    this.#configure();
    this.maps = mapValues(this.#mapHandles, (name, map) => {
      const [type, keySize] = [lib.bpf_map__type(map), lib.bpf_map__key_size(map)];
      const [valueSize, maxEntries] = [lib.bpf_map__value_size(map), lib.bpf_map__max_entries(map)];
      return new BpfMap({ name, type, keySize, valueSize, maxEntries });
    });
    this.programs = mapValues(
      this.#programHandles,
      (name, p) => new BpfProgram(name, lib.bpf_program__type(p)),
    );
  }

  /**
   * Reads an object file; nothing reaches the kernel yet.
   * @throws BpfError if libbpf cannot read it, or an option names what the object does not have
   */
  static open(path: string, options: OpenOptions = {}): BpfObject {
    readFileSync(path); // libbpf's own complaint about a missing file does not name it
    const handle = openHandle(path);
    try {
      return new BpfObject(path, handle, options);
    } catch (error) {
      libbpf().bpf_object__close(handle);
      throw error;
    }
  }

  #configure(): void {
    const lib = libbpf();
    const options = this.#options;
    this.#mapHandles = new Map(
      walk(lib.bpf_object__next_map, this.#handle, (map) => mapName(lib.bpf_map__name(map))),
    );
    this.#programHandles = new Map(walk(lib.bpf_object__next_program, this.#handle, lib.bpf_program__name));
    for (const map of this.#mapHandles.values()) lib.bpf_map__set_pin_path(map, null);
    for (const [name, count] of Object.entries(options.maxEntries ?? {})) {
      const map = this.#find(this.#mapHandles, 'map', name);
      check(
        lib.bpf_map__set_max_entries(map, count),
        `set max_entries ${count} of`,
        `map ${name} of ${this.path}`,
      );
    }
    for (const [name, type] of Object.entries(options.types ?? {})) {
      const map = this.#find(this.#mapHandles, 'map', name);
      check(lib.bpf_map__set_type(map, mapTypes[type]), `set type ${type} of`, `map ${name} of ${this.path}`);
    }
    for (const [name, reused] of Object.entries(options.reuse ?? {})) {
      const map = this.#find(this.#mapHandles, 'map', name);
      this.#checkShape(name, map, reused);
      check(lib.bpf_map__reuse_fd(map, reused.fd), 'reuse', `map ${name} of ${this.path}`);
    }
    for (const [section, image] of rodataImages(this.#elf, this.btf, options.rodata ?? {})) {
      const target = `${section} of ${this.path}`;
      const map = lib.bpf_object__find_map_by_name(this.#handle, section);
      check(lib.bpf_map__set_initial_value(map, image, image.length), 'set', target);
    }
  }

  // libbpf would take over any map's shape without a word, and the programs would read beyond its values.
  #checkShape(name: string, map: Pointer, reused: BpfMap): void {
    const lib = libbpf();
    const wanted = `${lib.libbpf_bpf_map_type_str(lib.bpf_map__type(map))} with keys of ${lib.bpf_map__key_size(map)} and values of ${lib.bpf_map__value_size(map)} bytes`;
    const got = `${reused.type} with keys of ${reused.keySize} and values of ${reused.valueSize} bytes`;
    if (wanted === got) return;
    const hint = `The object wants a ${wanted}; the map given is a ${got}`;
    throw new BpfError('reuse', `map ${name} of ${this.path}`, constants.errno.EINVAL, { hint });
  }

  /**
   * Creates the maps and loads all programs into the kernel.
   * @throws VerifierError with the whole log if a program is refused, BpfError otherwise (EPERM, ENOMEM, …)
   */
  load(): void {
    for (let tries = 1; ; tries++) {
      const handle = this.#openHandle('load');
      const { result, log } = withLog(() => libbpf().bpf_object__load(handle));
      if (!wasInterrupted(result, tries)) {
        this.#afterLoad(result, log);
        return;
      }
      this.#reopen();
    }
  }

  /** Like load(), on another thread: verifying large programs takes seconds. Do not touch the object meanwhile. */
  async loadAsync(): Promise<void> {
    for (let tries = 1; ; tries++) {
      const handle = this.#openHandle('load');
      const { result, log } = await withLogAsync(() =>
        onThread((done) => libbpf().bpf_object__load.async(handle, done)),
      );
      if (!wasInterrupted(result, tries)) {
        this.#afterLoad(result, log);
        return;
      }
      this.#reopen();
    }
  }

  /** libbpf loads a handle once, whatever comes of it. */
  #reopen(): void {
    const handle = openHandle(this.path);
    libbpf().bpf_object__close(this.#handle);
    this.#handle = handle;
    this.#configure();
  }

  #afterLoad(result: number, log: string): void {
    if (result < 0) throw loadError(this.path, result, log);
    this.#loaded = true;
    for (const [name, map] of this.maps) map.lend(libbpf().bpf_map__fd(this.#mapHandles.get(name)!));
    for (const [name, p] of this.programs) p.lend(libbpf().bpf_program__fd(this.#programHandles.get(name)!));
  }

  /** @throws BpfError ENOENT naming those there are */
  map(name: string): BpfMap {
    return this.#find(this.maps, 'map', name);
  }

  /** @throws BpfError ENOENT naming those there are */
  program(name: string): BpfProgram {
    return this.#find(this.programs, 'program', name);
  }

  #find<T>(among: ReadonlyMap<string, T>, what: string, name: string): T {
    const found = among.get(name);
    if (found !== undefined) return found;
    const hint = `It has ${[...among.keys()].join(', ') || 'none'}`;
    throw new BpfError('find', `${what} ${name} in ${this.path}`, constants.errno.ENOENT, { hint });
  }

  #openHandle(operation: string): Pointer {
    if (this.#handle && !this.#loaded) return this.#handle;
    const hint = this.#handle ? 'It is loaded already' : 'It is closed';
    throw new BpfError(operation, `object ${this.path}`, constants.errno.EBADF, { hint });
  }

  /** Closes its maps and programs; in the kernel remains what is pinned or attached. */
  close(): void {
    if (!this.#handle) return;
    for (const map of this.maps.values()) map.lend(-1);
    for (const program of this.programs.values()) program.lend(-1);
    libbpf().bpf_object__close(this.#handle);
    this.#handle = null;
  }
}

function openHandle(path: string): Pointer {
  const { result, log } = withLog(() => {
    const handle = libbpf().bpf_object__open_file(path, null);
    return { handle, errno: koffi.errno() };
  });
  if (!result.handle) throw new BpfError('open', `object ${path}`, result.errno, { log });
  return result.handle;
}

/** A signal to the process, a profiler's for instance, ends a verifier's work; libbpf itself tries five times. */
function wasInterrupted(result: number, tries: number): boolean {
  return result === -constants.errno.EAGAIN && tries < LOAD_TRIES;
}

/** libbpf prefixes the maps of globals with the cut object name: `myobj.rodata`. */
function mapName(name: string): string {
  const dot = name.indexOf('.');
  return dot < 0 ? name : name.slice(dot);
}

function* walk(
  next: (object: Pointer, item: Pointer) => Pointer,
  object: Pointer,
  name: (item: Pointer) => string,
): Generator<[string, Pointer]> {
  for (let item = next(object, null); item; item = next(object, item)) yield [name(item), item];
}

function mapValues<V, W>(map: ReadonlyMap<string, V>, to: (name: string, value: V) => W): Map<string, W> {
  return new Map([...map].map(([name, value]) => [name, to(name, value)]));
}

const VERIFIER_LOG = /prog '([^']*)': -- BEGIN PROG LOAD LOG --\n([\s\S]*?)-- END PROG LOAD LOG --/;

function loadError(path: string, result: number, log: string): BpfError {
  const [, program, verifierLog] = VERIFIER_LOG.exec(log) ?? [];
  if (program === undefined || verifierLog === undefined)
    return new BpfError('load', `object ${path}`, result, { log });
  return new VerifierError(program, path, result, verifierLog);
}
