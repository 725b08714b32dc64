import { residentBytes } from '../lab/proc.js';

/** Something that takes signals: a LabProcess, a member of a cluster, … */
export interface Pausable {
  signal(signal: NodeJS.Signals): void;
}

/** Stops a process (SIGSTOP: alive, but it does nothing) while `work` runs, and lets it go on, whatever becomes of the work. */
export async function paused<T>(process: Pausable, work: () => Promise<T>): Promise<T> {
  process.signal('SIGSTOP');
  try {
    return await work();
  } finally {
    process.signal('SIGCONT');
  }
}

/** For faults that last: nothing tells when it is time. */
export function lasting(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resident memory of a process in MiB; NaN when it is gone. */
export function residentMiB(pid: number | undefined): number {
  try {
    return Math.round((10 * residentBytes(pid ?? -1)) / 2 ** 20) / 10;
  } catch {
    return Number.NaN;
  }
}
