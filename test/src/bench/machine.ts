import { availableParallelism, cpus, release } from 'node:os';

/** What the numbers were measured on. */
export function machine(): { date: string; cpu: string; cpus: number; kernel: string; node: string } {
  return {
    date: new Date().toISOString(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown CPU',
    cpus: availableParallelism(),
    kernel: release(),
    node: process.version,
  };
}
