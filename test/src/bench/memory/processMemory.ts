import { readdir, readFile } from 'node:fs/promises';

/** Resident memory of a process in bytes (proc_pid_status(5)). */
export interface ProcessMemory {
  /** VmRSS: all that is resident. */
  residentBytes: number;
  /** RssAnon: what is its own; the rest is program text, shared by all processes of the same program. */
  anonymousBytes: number;
}

export async function processMemory(pid: number): Promise<ProcessMemory> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const bytes = (field: string) => {
    const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
    if (!kilobytes) throw new Error(`/proc/${pid}/status has no ${field}`);
    return Number(kilobytes) * 1024;
  };
  return { residentBytes: bytes('VmRSS'), anonymousBytes: bytes('RssAnon') };
}

/** Kernel memory of the BPF maps that a process holds open, in bytes; it is in nobody's RSS. A map counts once. */
export async function bpfMapBytes(pid: number): Promise<number> {
  const maps = new Map<string, number>();
  for (const fd of await readdir(`/proc/${pid}/fdinfo`)) {
    // A descriptor may be closed meanwhile.
    const info = await readFile(`/proc/${pid}/fdinfo/${fd}`, 'utf8').catch(() => '');
    const id = /^map_id:\s+(\d+)$/m.exec(info)?.[1];
    const bytes = /^memlock:\s+(\d+)$/m.exec(info)?.[1];
    if (id && bytes) maps.set(id, Number(bytes));
  }
  return [...maps.values()].reduce((sum, bytes) => sum + bytes, 0);
}
