import { readFileSync } from 'node:fs';

/** A process in a way that survives the reuse of its number. */
export interface ProcessId {
  pid: number;
  /** Start time in clock ticks since boot, proc_pid_stat(5) field 22. */
  start: string;
}

/** Start time of a process, or undefined when there is none (zombies count as gone). */
export function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

export function processId(pid: number): ProcessId | undefined {
  const start = startTime(pid);
  return start === undefined ? undefined : { pid, start };
}

export const isAlive = ({ pid, start }: ProcessId): boolean => startTime(pid) === start;

/** Kills exactly that process; nothing when it is gone. */
export function killProcess(id: ProcessId, signal: NodeJS.Signals = 'SIGKILL'): void {
  if (!isAlive(id)) return;
  try {
    process.kill(id.pid, signal);
  } catch {
    // It went away in between.
  }
}

/** Resident set of a process in bytes, proc_pid_status(5). */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}
