import { readFileSync } from 'node:fs';

/** Clock ticks a second of proc_pid_stat(5): 100 on Linux, whatever the kernel's own timer does (USER_HZ). */
const TICKS = 100;

/** Seconds of CPU that a process has used so far, user and system. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
