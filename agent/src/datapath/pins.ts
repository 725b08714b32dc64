import { mkdirSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { BpfMap } from '@iovisor-ovn/libbpf';

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
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  /** The maps to go on with, by name; not the program arrays. */
  openMaps(): Record<string, BpfMap> {
    const names = this.list('maps').filter((name) => !name.startsWith(PROGRAM_ARRAY));
    return Object.fromEntries(names.map((name) => [name, BpfMap.openPinned(this.path('maps', name))]));
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
    array.pin(this.path('maps', `${PROGRAM_ARRAY}${array.id}`));
  }

  /** To be called when no entry program of an earlier load is attached any more. */
  removeOtherProgramArrays(current: BpfMap): void {
    const keep = `${PROGRAM_ARRAY}${current.id}`;
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
    removeDirectory(this.dir);
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
