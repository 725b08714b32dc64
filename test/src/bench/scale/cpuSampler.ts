import { performance } from 'node:perf_hooks';
import type { Lab } from '../../lab/index.js';
import { cpuOf, MACHINE } from './cpuTime.js';

export const SAMPLE_SECONDS = 10;

/** What one process used: in all, and in each ten seconds (the last may be fewer), s. */
export interface CpuUse {
  name: string;
  total: number;
  tenths: readonly number[];
}

/** Notes every ten seconds how much CPU everything that takes part has used. */
export class CpuSampler {
  readonly #lab: Lab;
  readonly #began = performance.now();
  readonly #samples: Map<string, number>[];
  readonly #timer: NodeJS.Timeout;

  /** Begins. */
  constructor(lab: Lab) {
    this.#lab = lab;
    this.#samples = [cpuOf(lab)];
    this.#timer = setInterval(() => this.#samples.push(cpuOf(lab)), SAMPLE_SECONDS * 1000);
  }

  /** Ends. */
  stop(): { seconds: number; use: CpuUse[] } {
    clearInterval(this.#timer);
    this.#samples.push(cpuOf(this.#lab));
    const seconds = (performance.now() - this.#began) / 1000;
    const [first] = this.#samples;
    const names = [...first!.keys()];
    const use = names.map((name) => useOf(name, (sample) => sample.get(name) ?? 0, this.#samples));
    return { seconds, use: [...use, useOf('everything else', rest, this.#samples)] };
  }
}

type Sample = ReadonlyMap<string, number>;

function useOf(name: string, of: (sample: Sample) => number, samples: readonly Sample[]): CpuUse {
  const at = samples.map(of);
  const tenths = at.slice(1).map((value, index) => value - at[index]!);
  return { name, total: at.at(-1)! - at[0]!, tenths };
}

/** The kernel's own threads, and what else runs on the machine. */
function rest(sample: Sample): number {
  const named = [...sample].filter(([name]) => name !== MACHINE).reduce((sum, [, value]) => sum + value, 0);
  return (sample.get(MACHINE) ?? 0) - named;
}
