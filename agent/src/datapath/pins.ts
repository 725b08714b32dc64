import { existsSync, mkdirSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BpfError, BpfMap } from '@iovisor-ovn/libbpf';

/** What is pinned: see design, bpffs layout. */
export type PinKind = 'maps' | 'links' | 'progs';
const KINDS: readonly PinKind[] = ['maps', 'links', 'progs'];
/** A program array is never edited, each load has its own: pinned with its map id behind the name. */
const PROGRAM_ARRAY = 'iov_programs_';

/** `<dir>/v<abi>/{maps,links,progs}` in a BPF file system. */
export class Pins {
  readonly dir: string;

  constructor(root: string, abi: number) {
    this.dir = join(root, `v${abi}`);
  }

  make(): void {
    for (const kind of KINDS) mkdirSync(join(this.dir, kind), { recursive: true, mode: 0o700 });
  }

  /** Whether its maps are new and nobody has filled them yet. */
  get filling(): boolean {
    return existsSync(this.#filling);
  }

  markFilling(): void {
    mkdirSync(this.#filling, { recursive: true, mode: 0o700 });
  }

  /** They hold what is wanted. */
  markFilled(): void {
    removeDirectory(this.#filling);
  }

  get #filling(): string {
    return join(this.dir, 'filling');
  }

  /** bpffs takes no dots in names. */
  path(kind: PinKind, name: string): string {
    return join(this.dir, kind, name.replaceAll('.', '_'));
  }

  list(kind: PinKind): string[] {
    try {
      return readdirSync(join(this.dir, kind));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  /** Removing a pin that is not there is no error. */
  remove(kind: PinKind, name: string): void {
    try {
      unlinkSync(this.path(kind, name));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Somebody's directory in place of the pin.
      if (code === 'EISDIR' || code === 'EPERM') rmdirSync(this.path(kind, name));
      else if (code !== 'ENOENT') throw error;
    }
  }

  /** The maps to go on with, by name; not the program arrays, and not what has such a name and is no map. */
  openMaps(): Record<string, BpfMap> {
    const names = this.list('maps').filter((name) => !name.startsWith(PROGRAM_ARRAY));
    return Object.fromEntries(
      names.flatMap((name) => {
        const map = openMap(this.path('maps', name));
        return map === undefined ? [] : [[name, map] as const];
      }),
    );
  }

  /** Kernel-wide id of the map that is pinned there; undefined: there is none, or something else. */
  mapId(name: string): number | undefined {
    const map = openMap(this.path('maps', name));
    const id = map?.id;
    map?.close();
    return id;
  }

  /** Pins a map. What else has its name goes: this directory is ours. */
  pinMap(name: string, map: BpfMap): void {
    this.remove('maps', name);
    map.pin(this.path('maps', name));
  }

  /** Name of the pin of a load's program array. */
  programArrayName(array: BpfMap): string {
    return `${PROGRAM_ARRAY}${array.id}`;
  }

  /** Kernel-wide ids of the pinned maps. */
  mapIds(): number[] {
    return Object.values(this.openMaps()).map((map) => {
      const { id } = map;
      map.close();
      return id;
    });
  }

  /** Without a pin the kernel empties a program array when the last process closes it. */
  pinProgramArray(array: BpfMap): void {
    this.pinMap(this.programArrayName(array), array);
  }

  /** To be called when no entry program of an earlier load is attached any more. */
  removeOtherProgramArrays(current: BpfMap): void {
    const keep = this.programArrayName(current);
    for (const name of this.list('maps')) {
      if (name.startsWith(PROGRAM_ARRAY) && name !== keep) this.remove('maps', name);
    }
  }

  /** Removes every pin and the directories. */
  removeAll(): void {
    for (const kind of KINDS) {
      for (const name of this.list(kind)) this.remove(kind, name);
      removeDirectory(join(this.dir, kind));
    }
    this.markFilled();
    removeDirectory(this.dir);
  }
}

/** Versions of the ABI that have a directory there. */
export function versionsIn(bpffs: string): number[] {
  try {
    return readdirSync(join(bpffs)).flatMap((name) => {
      const [, version] = /^v(\d+)$/.exec(name) ?? [];
      return version === undefined ? [] : [Number(version)];
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new Error(`${dirname(bpffs)}: ${(error as Error).message}`);
  }
}

function openMap(path: string): BpfMap | undefined {
  try {
    return BpfMap.openPinned(path);
  } catch (error) {
    // No pin, or one of a program or link; or a directory, or no BPF file system at all.
    if (error instanceof BpfError && ['ENOENT', 'EINVAL', 'EPERM', 'EACCES'].includes(error.code))
      return undefined;
    throw error;
  }
}

export function removeDirectory(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Others' pins in it are theirs.
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY' && code !== 'EBUSY') throw error;
  }
}
