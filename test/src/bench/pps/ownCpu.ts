import { command } from '../../lab/index.js';
import type { Cleanup } from '../cleanup.js';

/**
 * Puts a forwarding process on the benchmark's CPU, before everything else there: it runs as soon as it has something to
 * do, and the generator only while it waits. With equal rights the generator would burn half of the CPU by trying.
 */
export async function ownCpu(pid: number, cpu: number, cleanup: Cleanup): Promise<void> {
  await command(['taskset', '-a', '-p', '-c', `${cpu}`, `${pid}`]);
  await command(['chrt', '-a', '-r', '-p', '2', `${pid}`]);
  cleanup.add(`scheduling of ${pid}`, () => command(['chrt', '-a', '-o', '-p', '0', `${pid}`]));
}
