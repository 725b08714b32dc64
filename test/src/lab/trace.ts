import { rmSync } from 'node:fs';
import { tryCommand } from './command.js';
import { killProcess, processId, startTime } from './proc.js';

/** One thing that a lab leaves on the machine. */
export type Trace =
  | { kind: 'owner'; pid: number; start: string }
  | { kind: 'keep' }
  | { kind: 'process'; pid: number; start: string }
  /** A named network namespace; everything that runs in it is ours. */
  | { kind: 'netns'; name: string }
  /** A directory of pins. Removing them removes programs, maps and links with them. */
  | { kind: 'bpffs'; path: string }
  | { kind: 'directory'; path: string };

/** Removes it; says nothing when it is gone already. */
export async function removeTrace(trace: Trace): Promise<void> {
  switch (trace.kind) {
    case 'process':
      killProcess(trace);
      return ended(trace.pid, trace.start);
    case 'netns':
      return removeNamespace(trace.name);
    case 'bpffs':
    case 'directory':
      rmSync(trace.path, { recursive: true, force: true });
  }
}

async function removeNamespace(name: string): Promise<void> {
  const { status, stdout } = await tryCommand(['ip', 'netns', 'pids', name]);
  if (status !== 0) return;
  const inside = stdout.split('\n').flatMap((line) => processId(Number(line)) ?? []);
  for (const id of inside) killProcess(id);
  await Promise.all(inside.map(({ pid, start }) => ended(pid, start)));
  await tryCommand(['ip', 'netns', 'delete', name]);
}

/** Resolves when the process is gone. There is no event for a process that is not our child, so it looks. */
async function ended(pid: number, start: string): Promise<void> {
  for (let i = 0; i < 500 && startTime(pid) === start; i++) await new Promise((r) => setTimeout(r, 10));
}
