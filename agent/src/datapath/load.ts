import { ABI_VERSION, type LoadedModules, loadIoModules } from '@iovisor-ovn/iomodules';
import { BpfError, type BpfMap } from '@iovisor-ovn/libbpf';
import { Pins } from './pins.js';

/** The array that chains the programs: one per load, so pinned under a name of its own. */
const PROGRAM_ARRAY = 'iov_programs';

/** IOModules in the kernel, their maps pinned. */
export interface Loaded {
  pins: Pins;
  modules: LoadedModules;
  maps: LoadedModules['maps'];
  /** Kernel-wide ids of the maps that outlive a load. */
  mapIds: ReadonlySet<number>;
  loadedAt: Date;
  /** The links carry the new programs: what the load before had pinned can go. */
  supersede(): void;
  close(): void;
}

/**
 * Loads all IOModules with the maps that are pinned already, or new ones, which are pinned then.
 * @throws BpfError, VerifierError
 */
export function load(bpffs: string, maxEntries?: Record<string, number>): Loaded {
  const pins = new Pins(bpffs, ABI_VERSION);
  pins.make();
  const pinned = pins.openMaps();
  const modules = loadWith(pinned, bpffs, maxEntries);
  const maps = modules.maps;
  const lasting = Object.entries<BpfMap>(maps).filter(([name]) => name !== PROGRAM_ARRAY);
  for (const [name, map] of lasting) if (pinned[name] === undefined) map.pin(pins.path('maps', name));
  pins.pinProgramArray(maps[PROGRAM_ARRAY]);
  const supersede = () => {
    pins.removeOtherProgramArrays(maps[PROGRAM_ARRAY]);
    for (const [name, program] of Object.entries(modules.programs)) {
      pins.remove('progs', name);
      program.pin(pins.path('progs', name));
    }
  };
  const close = () => {
    modules.close();
    for (const map of Object.values(pinned)) map.close();
  };
  const mapIds = new Set(lasting.map(([, map]) => map.id));
  return { pins, modules, maps, mapIds, loadedAt: new Date(), supersede, close };
}

function loadWith(
  maps: Record<string, BpfMap>,
  bpffs: string,
  maxEntries?: Record<string, number>,
): LoadedModules {
  try {
    return loadIoModules({ maps, maxEntries });
  } catch (error) {
    // Maps of another shape under the same ABI version: from a build in between two releases.
    if (error instanceof BpfError && error.operation === 'reuse') {
      throw new Error(`${error.message}. To start anew: iovisor-agent --cleanup --bpffs ${bpffs}`, {
        cause: error,
      });
    }
    throw error;
  }
}
