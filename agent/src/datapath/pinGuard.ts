import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { BpfProgram, isBpffs } from '@iovisor-ovn/libbpf';
import type { Damages } from './audit/damages.js';
import type { Difference } from './audit/difference.js';
import type { Loaded } from './load.js';

/**
 * Sees to it that the pins lead to what is in use: without them the next agent would begin anew. Others may remove or replace
 * them, or unmount the file system.
 */
export class PinGuard {
  readonly #loaded: Loaded;
  readonly #bpffs: string;
  readonly #damages: Damages;
  /** Why pins are missing; empty: none is. */
  problem = '';

  constructor(loaded: Loaded, bpffs: string, damages: Damages) {
    this.#loaded = loaded;
    this.#damages = damages;
    this.#bpffs = bpffs;
  }

  /** Some hundred system calls, a millisecond. */
  differences(): Difference[] {
    const { pins } = this.#loaded;
    const { maps, progs } = this.#loaded.wantedPins();
    const all = [
      ...[...maps].map(([name, map]) => ({
        path: pins.path('maps', name),
        wanted: map.id,
        found: pins.mapId(name),
      })),
      // Those of the load before stay until it is superseded.
      ...(this.#loaded.superseded ? [...progs] : []).map(([name, program]) => ({
        path: pins.path('progs', name),
        wanted: program.id,
        found: programId(pins.path('progs', name)),
      })),
    ];
    return all
      .filter(({ wanted, found }) => wanted !== found)
      .map(
        ({ path, wanted, found }): Difference => ({
          kind: 'pin',
          where: path,
          key: '',
          wanted: `id ${wanted}`,
          found: found === undefined ? '' : `id ${found}`,
          unit: '',
        }),
      );
  }

  /**
   * Makes the pins that are missing, or lead elsewhere; never throws.
   * @returns how many it made
   */
  mend(): number {
    try {
      const wrong = this.differences();
      if (wrong.length > 0) this.#pin(new Set(wrong.map(({ where }) => where)));
      this.problem = '';
      for (const difference of wrong) this.#damages.repaired(difference);
      if (this.#damages.has(this.#all)) this.#damages.repaired(this.#all);
      return wrong.length;
    } catch (error) {
      this.problem = this.#isMounted
        ? `pins are missing, so the next agent will begin anew: ${(error as Error).message}`
        : `no BPF file system is mounted at ${this.#bpffs}: the data plane goes on as long as this agent runs, but not beyond; mount -t bpf bpf ${this.#bpffs}`;
      this.#damages.failed(this.#all, this.problem);
      return 0;
    }
  }

  /** When they cannot be made it is said once. */
  get #all(): Difference {
    return { kind: 'pin', where: this.#bpffs, key: '', wanted: 'pinned', found: '', unit: '' };
  }

  get #isMounted(): boolean {
    return isBpffs(nearest(this.#bpffs));
  }

  #pin(paths: ReadonlySet<string>): void {
    const { pins } = this.#loaded;
    if (!this.#isMounted) throw new Error('no BPF file system');
    pins.make();
    const { maps, progs } = this.#loaded.wantedPins();
    for (const [name, map] of maps) if (paths.has(pins.path('maps', name))) pins.pinMap(name, map);
    for (const [name, program] of progs) {
      const path = pins.path('progs', name);
      if (!paths.has(path)) continue;
      pins.remove('progs', name);
      program.pin(path);
    }
  }
}

/** The directory itself or the nearest parent that exists. */
function nearest(path: string): string {
  return existsSync(path) || path === '/' ? path : nearest(dirname(path));
}

function programId(path: string): number | undefined {
  try {
    const program = BpfProgram.openPinned(path);
    const { id } = program;
    program.close();
    return id;
  } catch {
    return undefined;
  }
}
