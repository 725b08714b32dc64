import { readFileSync } from 'node:fs';
import { type Lab, StockHypervisor } from '../../lab/index.js';

/** Name of what all CPUs of the machine did. */
export const MACHINE = 'all CPUs of the machine';

/** Clock ticks a second of proc_pid_stat(5): 100 on Linux, whatever the kernel's own timer does (USER_HZ). */
const TICKS = 100;

/** proc_pid_stat(5), from field 3 on: field n is at n - 3. */
function stat(pid: number | 'self'): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** Seconds of CPU that a process has used so far, user and system. */
export function cpuSeconds(pid: number | 'self'): number {
  const fields = stat(pid);
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** And all programs that this process ran to their end. */
function toolSeconds(): number {
  const fields = stat('self');
  return (Number(fields[13]) + Number(fields[14])) / TICKS;
}

/** Busy time of all CPUs, proc_stat(5). */
function machineSeconds(): number {
  const [, user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8')
    .split('\n')[0]!
    .split(/\s+/)
    .map(Number);
  return (user! + nice! + system! + irq! + softirq!) / TICKS;
}

/** CPU seconds of everything that takes part, by name. Of the hypervisors the first, to which the ports are added, has names. */
export function cpuOf(lab: Lab): Map<string, number> {
  const hv = lab.hv(1);
  const pids: Record<string, number | undefined> = {
    coordinator: lab.coordinator.process?.pid,
    'agent hv1': hv.agent?.pid,
    'agent hv2': lab.hv(2).agent?.pid,
    ...(hv instanceof StockHypervisor ? hv.daemons : {}),
    'ovsdb-server hv1': hv.ovsdb.pid,
    'ovn-northd': lab.central.pid('northd'),
    'ovsdb-server NB': lab.central.pid('nb'),
    'ovsdb-server SB': lab.central.pid('sb'),
  };
  const found = Object.entries(pids).flatMap(([name, pid]): [string, number][] =>
    pid === undefined ? [] : [[name, cpuSeconds(pid)]],
  );
  return new Map([
    ...found,
    ['ovs-vsctl, ip, ovn-nbctl', toolSeconds()],
    ['this benchmark', cpuSeconds('self')],
    [MACHINE, machineSeconds()],
  ]);
}
