import { type BpfMap, BpfObject, type BpfProgram } from '@iovisor-ovn/libbpf';
import type { IoModule } from './module.js';
import { modules } from './modules.js';
import { type IovMapName, sharedMapNames } from './shared-maps.js';

export interface LoadOptions {
  /** Maps to use instead of new ones, as a rule those pinned by the last load. `iov_programs` is ignored. */
  maps?: Partial<Record<IovMapName, BpfMap>>;
  /** Sizes of new maps other than the defaults of the ABI headers. */
  maxEntries?: Partial<Record<IovMapName, number>>;
  /**
   * For {@link tracePacket}: programs that write down what they would do. They change no map but iov_scratch and iov_trace,
   * of which the load has its own whatever `maps` says. Never attach them.
   */
  tracing?: boolean;
}

export interface LoadedProgram {
  function: string;
  /** enum iov_slot; undefined for the programs of hooks. */
  slot?: number;
  program: BpfProgram;
}

export interface LoadedModule {
  name: string;
  description: string;
  programs: readonly LoadedProgram[];
}

/** One load of all modules. */
export interface LoadedModules {
  maps: Readonly<Record<IovMapName, BpfMap>>;
  /** By name of the C function. */
  programs: Readonly<Record<string, BpfProgram>>;
  /** To attach at tc ingress of the taps and veths of logical ports. */
  entry: BpfProgram;
  /** To attach at tc ingress of the underlay devices. */
  uplink: BpfProgram;
  modules: readonly LoadedModule[];
  /** Whether it was loaded for {@link tracePacket}. */
  tracing: boolean;
  /** Closes its programs and the maps that it created; those it was given stay open. What is attached or pinned goes on. */
  close(): void;
}

/**
 * Loads every module into the kernel, with a new program array, which is filled when this returns: a live array is never
 * edited. The kernel empties a program array when the last file descriptor and pin of it go, so whoever means the programs
 * to outlive the process pins `maps.iov_programs`.
 * @throws VerifierError, BpfError (EPERM, ENOMEM, …); nothing is left behind then
 */
export function loadIoModules(options: LoadOptions = {}): LoadedModules {
  const steps = loadSteps(options);
  for (let step = steps.next(); ; step = attempt(steps, step.value, (object) => object.load()))
    if (step.done) return step.value;
}

/** Like {@link loadIoModules}, but the verifier works on another thread: it takes seconds on a busy machine. */
export async function loadIoModulesAsync(options: LoadOptions = {}): Promise<LoadedModules> {
  const steps = loadSteps(options);
  let step = steps.next();
  while (!step.done) {
    const failure = await step.value.loadAsync().then(() => undefined, fail);
    step = failure === undefined ? steps.next() : steps.throw(failure.error);
    await new Promise(setImmediate);
  }
  return step.value;
}

function fail(error: unknown): { error: unknown } {
  return { error };
}

type Steps = Generator<BpfObject, LoadedModules>;

function attempt(
  steps: Steps,
  object: BpfObject,
  load: (object: BpfObject) => void,
): ReturnType<Steps['next']> {
  try {
    load(object);
  } catch (error) {
    return steps.throw(error);
  }
  return steps.next();
}

/** Yields each object that is to be loaded; returns when all are. An error thrown into it closes everything. */
function* loadSteps(options: LoadOptions): Steps {
  const objects: BpfObject[] = [];
  const close = () => {
    for (const object of objects) object.close();
  };
  try {
    let maps = givenMaps(options);
    const rodata = { iov_tracing: options.tracing ? 1 : 0 };
    const loaded: { module: IoModule; object: BpfObject }[] = [];
    for (const module of modules) {
      const object = BpfObject.open(module.object, {
        reuse: maps,
        maxEntries: newSizes(options, maps),
        rodata,
      });
      objects.push(object);
      yield object;
      // The first object has created what was missing; the others share it.
      if (objects.length === 1) maps = allMaps(object, maps);
      loaded.push({ module, object });
    }
    const tracing = options.tracing === true;
    return { ...assemble(loaded, maps as Record<IovMapName, BpfMap>), tracing, close };
  } catch (error) {
    close();
    throw error;
  }
}

type Maps = Partial<Record<IovMapName, BpfMap>>;

/** Maps that each load, or each load for tracing, has for itself. */
const ownMaps: readonly IovMapName[] = ['iov_programs'];
const ownTracingMaps: readonly IovMapName[] = [...ownMaps, 'iov_scratch', 'iov_trace'];

function givenMaps({ maps = {}, tracing = false }: LoadOptions): Maps {
  const own = tracing ? ownTracingMaps : ownMaps;
  return Object.fromEntries(
    sharedMapNames
      .filter((name) => !own.includes(name) && maps[name] !== undefined)
      .map((name) => [name, maps[name]]),
  );
}

function newSizes({ maxEntries = {} }: LoadOptions, maps: Maps): Record<string, number> {
  return Object.fromEntries(
    Object.entries(maxEntries).filter(([name]) => maps[name as IovMapName] === undefined),
  );
}

function allMaps(object: BpfObject, given: Maps): Maps {
  return Object.fromEntries(sharedMapNames.map((name) => [name, given[name] ?? object.map(name)]));
}

function assemble(
  loaded: readonly { module: IoModule; object: BpfObject }[],
  maps: Record<IovMapName, BpfMap>,
): Omit<LoadedModules, 'close' | 'tracing'> {
  const programs: Record<string, BpfProgram> = {};
  const hooks: Partial<Record<'tap' | 'uplink', BpfProgram>> = {};
  const loadedModules = loaded.map(({ module: { name, description, programs: wanted }, object }) => ({
    name,
    description,
    programs: wanted.map(({ function: fn, slot, hook }) => {
      const program = object.program(fn);
      programs[fn] = program;
      if (slot !== undefined) maps.iov_programs.updateFd(slotKey(slot), program);
      if (hook !== undefined) hooks[hook] = program;
      return { function: fn, slot, program };
    }),
  }));
  return { maps, programs, entry: hooks.tap!, uplink: hooks.uplink!, modules: loadedModules };
}

function slotKey(slot: number): Buffer {
  const key = Buffer.alloc(4);
  new Uint32Array(key.buffer, key.byteOffset, 1)[0] = slot;
  return key;
}
