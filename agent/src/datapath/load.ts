import { ABI_VERSION, type IovMapName, type LoadedModules, loadIoModules } from '@iovisor-ovn/iomodules';
import { BpfError, type BpfMap } from '@iovisor-ovn/libbpf';
import { Succession } from './attach/succession.js';
import { Pins, versionsIn } from './pins.js';

/** The array that chains the programs: one per load, so pinned under a name of its own. */
const PROGRAM_ARRAY = 'iov_programs';

/** IOModules in the kernel, their maps pinned. */
export interface Loaded {
  pins: Pins;
  modules: LoadedModules;
  maps: LoadedModules['maps'];
  /** Kernel-wide ids of the maps that outlive a load, and of those that other versions of the ABI have left. */
  mapIds: ReadonlySet<number>;
  loadedAt: Date;
  /** Whether programs of an earlier load are to go on until the maps of this one are filled. */
  succession: Succession;
  /** Programs and maps by the pins that shall lead to them. */
  wantedPins(): WantedPins;
  /** Whether supersede() was called: until then the pins of programs are those of the load before. */
  readonly superseded: boolean;
  /** The links carry the new programs: what the loads before had pinned can go. */
  supersede(): void;
  close(): void;
}

export interface WantedPins {
  maps: ReadonlyMap<string, BpfMap>;
  progs: ReadonlyMap<string, LoadedModules['entry']>;
}

/**
 * Loads all IOModules with the maps that are pinned already, or new ones, which are pinned then. A pinned map of another shape
 * gives way to a new one.
 * @throws BpfError, VerifierError
 */
export function load(bpffs: string, maxEntries?: Record<string, number>): Loaded {
  const pins = new Pins(bpffs, ABI_VERSION);
  pins.make();
  const others = versionsIn(bpffs).flatMap((abi) => (abi === ABI_VERSION ? [] : [new Pins(bpffs, abi)]));
  const pinned = pins.openMaps();
  const modules = loadWith(pinned, maxEntries);
  const maps = modules.maps;
  const lasting = Object.entries<BpfMap>(maps).filter(([name]) => name !== PROGRAM_ARRAY);
  const made = lasting.filter(([name]) => pinned[name] === undefined);
  // Before the first pin: who is killed in between must not leave maps that look filled.
  if (made.length > 0) pins.markFilling();
  for (const [name, map] of made) pins.pinMap(name, map);
  pins.pinProgramArray(maps[PROGRAM_ARRAY]);
  const succession = new Succession(
    others,
    pins.filling || others.some((one) => one.list('links').length > 0),
  );
  let superseded = false;
  const supersede = () => {
    superseded = true;
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
  const wantedPins = () => ({
    maps: new Map([...lasting, [pins.programArrayName(maps[PROGRAM_ARRAY]), maps[PROGRAM_ARRAY]]]),
    progs: new Map(Object.entries(modules.programs)),
  });
  const mapIds = new Set([...lasting.map(([, map]) => map.id), ...others.flatMap((one) => one.mapIds())]);
  return {
    pins,
    modules,
    maps,
    mapIds,
    loadedAt: new Date(),
    get superseded() {
      return superseded;
    },
    succession,
    wantedPins,
    supersede,
    close,
  };
}

/** @param maps those of another shape are closed and taken out */
function loadWith(maps: Record<string, BpfMap>, maxEntries?: Record<string, number>): LoadedModules {
  for (;;) {
    try {
      return loadIoModules({ maps, maxEntries });
    } catch (error) {
      // From a build in between two releases, which changed a map without another version of the ABI.
      const name = error instanceof BpfError && error.operation === 'reuse' ? mapNamed(error) : undefined;
      if (name === undefined || maps[name] === undefined) throw error;
      maps[name].close();
      delete maps[name];
    }
  }
}

function mapNamed({ target }: BpfError): IovMapName | undefined {
  const [, name] = /^map (\w+)/.exec(target) ?? [];
  return name as IovMapName | undefined;
}
