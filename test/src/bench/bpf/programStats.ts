import { readFile, writeFile } from 'node:fs/promises';
import { listPrograms } from '@iovisor-ovn/libbpf';
import type { Cleanup } from '../cleanup.js';

const sysctl = '/proc/sys/kernel/bpf_stats_enabled';

/** Makes the kernel count runs and time of every BPF program; the Cleanup sets it back. */
export async function enableProgramStats(cleanup: Cleanup): Promise<void> {
  const before = await readFile(sysctl, 'utf8');
  await writeFile(sysctl, '1');
  cleanup.add(sysctl, () => writeFile(sysctl, before));
}

interface Counts {
  name: string;
  runTimeNs: bigint;
  runCount: bigint;
}

/** Run counts of all programs in the kernel by id. */
export function programStats(): Map<number, Counts> {
  return new Map(
    [...listPrograms()].map(({ id, name, runTimeNs, runCount }) => [id, { name, runTimeNs, runCount }]),
  );
}

/**
 * Nanoseconds a run between two readings, of the program of that name (its first 15 characters) which ran at least `runs`
 * times: programs of the same name may be at work elsewhere on the machine. Time spent in tail-called programs counts for
 * the one that was attached.
 */
export function nanosecondsPerRun(
  before: Map<number, Counts>,
  after: Map<number, Counts>,
  name: string,
  runs: number,
): number {
  const found = [...after]
    .filter(([, counts]) => counts.name === name.slice(0, 15))
    .map(([id, counts]) => {
      const old = before.get(id);
      return {
        ns: Number(counts.runTimeNs - (old?.runTimeNs ?? 0n)),
        runs: Number(counts.runCount - (old?.runCount ?? 0n)),
      };
    })
    .sort((a, b) => b.runs - a.runs)[0];
  if (!found || found.runs < runs)
    throw new Error(`no program ${name} ran ${runs} times, the most was ${found?.runs ?? 0}`);
  return found.ns / found.runs;
}
