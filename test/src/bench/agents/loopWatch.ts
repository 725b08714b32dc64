import { writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

/**
 * Loaded into the coordinator before its own code (`node --import`): notes how long turns of its event loop take. A turn counts
 * by the smaller of how late a timer was and how much CPU the process used meanwhile, so that a process which waited for a
 * CPU is not blamed. On SIGUSR2 it writes what it found to the file in IOVISOR_LOOP_WATCH, and begins anew.
 */

/** How the benchmark reads it. */
export interface LoopReport {
  /** Milliseconds. */
  longest: number;
  /** Number of turns over 5 ms, over 20 ms, over 100 ms. */
  over5: number;
  over20: number;
  over100: number;
}

const EVERY_MS = 2;
const file = process.env.IOVISOR_LOOP_WATCH;

if (file !== undefined) {
  const fresh = (): LoopReport => ({ longest: 0, over5: 0, over20: 0, over100: 0 });
  let report = fresh();
  let at = performance.now();
  let cpu = process.cpuUsage();
  let cpuAt = at;
  setInterval(() => {
    const now = performance.now();
    const late = now - at - EVERY_MS;
    // Asking for the CPU time costs more than all the rest, so it is known only about.
    if (late > 1 || now - cpuAt > 20) {
      const { user, system } = process.cpuUsage(cpu);
      const blocked = Math.min(late, (user + system) / 1000);
      report.longest = Math.max(report.longest, blocked);
      if (blocked > 5) report.over5++;
      if (blocked > 20) report.over20++;
      if (blocked > 100) report.over100++;
      cpu = process.cpuUsage();
      cpuAt = now;
    }
    at = now;
  }, EVERY_MS).unref();
  process.on('SIGUSR2', () => {
    writeFileSync(file, JSON.stringify(report));
    report = fresh();
  });
}
