import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { Lab } from '../../lab/index.js';
import { type Cleanup, withCleanup } from '../cleanup.js';
import type { Section, Target } from '../report.js';
import { median, quantile } from '../stats.js';
import { cpuSeconds } from './cpuTime.js';
import { addCommands, plug, SWITCHES, scalePort, whenUp } from './ports.js';
import { type Probe, probe, type Storm, storm } from './storm.js';

const PORTS = 500;
const RATE = 50;
/** The one that is added and removed to see how long that takes. At the other hypervisor. */
const PROBE = scalePort(1_000_000);
const IDLE_PROBES = 10;
/** A difference of medians this small is noise. */
const NOISE_MS = 5;

/** A hypervisor with 500 ports on 100 switches, to which 50 a second are added for a minute. */
export function benchScale(parent: Cleanup, quick: boolean): Promise<Section> {
  return withCleanup(parent, async (cleanup) => {
    const lab = await Lab.create({ hypervisors: 2 });
    cleanup.add(`lab ${lab.name}`, () => lab.destroy());
    const seconds = quick ? 10 : 60;
    const filledMs = await fill(lab);
    const idleBefore = await idle(lab);
    const cpuBefore = cpu(lab);
    const began = performance.now();
    const found = await storm(lab, { first: PORTS, rate: RATE, seconds, probe: PROBE });
    const elapsed = (performance.now() - began) / 1000;
    const cpuAfter = cpu(lab);
    const idleAfter = await idle(lab);
    const total = PORTS + found.upMs.length * 10;
    return {
      name: 'scale',
      tables: [
        {
          title: `ovn-nbctl --wait=hv lsp-add with ${PORTS} ports on ${SWITCHES} switches of a hypervisor, ${RATE} more a second for ${seconds} s; ms`,
          header: ['when', 'ports', 'median', 'p95', 'below', 'p95 of below'],
          rows: [
            latencyRow('before', PORTS, idleBefore),
            ...tenSeconds(found.probes).map((probes) =>
              latencyRow(`second ${Math.floor(probes[0]!.at)} on`, probes[0]!.ports, probes),
            ),
            latencyRow('after', total, idleAfter),
          ],
        },
        {
          title: 'From the making of ten taps until their ports are up, ms',
          header: ['groups', 'median', 'p95', 'longest'],
          rows: parts(found.upMs).map(([name, ms]) => [
            name,
            ...[median(ms), quantile(ms, 0.95), Math.max(...ms)].map((n) => n.toFixed(0)),
          ]),
        },
        {
          title: `Where the time went: CPU in the ${elapsed.toFixed(0)} s of the storm, s`,
          header: ['process', 'CPU', 'of one CPU'],
          rows: [...cpuAfter].map(([name, after]) => {
            const used = after - (cpuBefore.get(name) ?? 0);
            return [name, used.toFixed(1), `${((100 * used) / elapsed).toFixed(0)} %`];
          }),
        },
      ],
      targets: targets(found, idleBefore, idleAfter, seconds),
      notes: [
        `${PORTS} ports on ${SWITCHES} switches were up after ${(filledMs / 1000).toFixed(1)} s, plugged and added in one go;`,
        `the ${found.upMs.length} groups of ten left in ${found.sentIn.toFixed(1)} s; the last was up ${found.lastUpMs.toFixed(0)} ms after it was made`,
        'below: from northd’s commit to the Southbound DB until the last hypervisor has it; the rest is ovn-nbctl and',
        'ovn-northd, which grow with the network. Programs that make ports (ip, ovs-vsctl, ovn-nbctl) share the CPUs',
      ],
      data: { filledMs, idleBefore, idleAfter, ...found },
    };
  });
}

/** Makes the switches and the first ports, and resolves with how long that took once all are up. */
async function fill(lab: Lab): Promise<number> {
  const networks = Array.from({ length: SWITCHES }, (_, n) => `net${n}`);
  await lab.nbctl(...networks.flatMap((name) => ['--', 'ls-add', name]).slice(1));
  // A port of each switch at the other hypervisor too.
  const remote = networks.map((_, n) => scalePort(900_000 + n));
  await plug(lab, 2, [...remote, PROBE]);
  await lab.nbctl(...addCommands(remote).slice(1));
  await whenUp(lab, remote);
  const ports = Array.from({ length: PORTS }, (_, n) => scalePort(n));
  const began = performance.now();
  await Promise.all([plug(lab, 1, ports), lab.nbctl(...addCommands(ports).slice(1))]);
  await whenUp(lab, ports);
  const took = performance.now() - began;
  await lab.sync();
  return took;
}

async function idle(lab: Lab): Promise<Pick<Probe, 'totalMs' | 'belowMs'>[]> {
  const found = [];
  for (let i = 0; i < IDLE_PROBES; i++) found.push(await probe(lab, PROBE));
  return found;
}

/** CPU seconds of everything that takes part, by name. */
function cpu(lab: Lab): Map<string, number> {
  const pids: [string, number | undefined][] = [
    ['coordinator', lab.coordinator.process?.pid],
    ...lab.hypervisors.map(({ name, agent }): [string, number | undefined] => [`agent ${name}`, agent?.pid]),
    ['ovn-northd', lab.central.pid('northd')],
    ['ovsdb-server NB', lab.central.pid('nb')],
    ['ovsdb-server SB', lab.central.pid('sb')],
  ];
  const found = new Map(pids.flatMap(([name, pid]) => (pid === undefined ? [] : [[name, cpuSeconds(pid)]])));
  return new Map([...found, ['all CPUs of the machine', machineSeconds()]]);
}

/** Busy time of all CPUs, proc_stat(5). */
function machineSeconds(): number {
  const [, user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8')
    .split('\n')[0]!
    .split(/\s+/)
    .map(Number);
  return (user! + nice! + system! + irq! + softirq!) / 100;
}

type Latency = readonly Pick<Probe, 'totalMs' | 'belowMs'>[];

function latencyRow(when: string, ports: number, probes: Latency): string[] {
  const total = probes.map(({ totalMs }) => totalMs);
  const below = probes.map(({ belowMs }) => belowMs);
  return [
    when,
    `${ports}`,
    ...[median(total), quantile(total, 0.95), median(below), quantile(below, 0.95)].map((n) => n.toFixed(1)),
  ];
}

function tenSeconds(probes: readonly Probe[]): Probe[][] {
  const found: Probe[][] = [];
  for (const one of probes) {
    const tenth = Math.floor(one.at / 10);
    found[tenth] = [...(found[tenth] ?? []), one];
  }
  return found.filter(Boolean);
}

function parts(upMs: readonly number[]): [string, number[]][] {
  const third = Math.ceil(upMs.length / 3);
  return [
    ['first third', upMs.slice(0, third)],
    ['second third', upMs.slice(third, 2 * third)],
    ['last third', upMs.slice(2 * third)],
  ];
}

function targets(found: Storm, before: Latency, after: Latency, seconds: number): Target[] {
  const below = (probes: Latency) => median(probes.map(({ belowMs }) => belowMs));
  const flat = (what: string, first: number, last: number): Target => ({
    what,
    target: 'flat',
    measured: `${first.toFixed(1)} → ${last.toFixed(1)} ms`,
    met: last <= Math.max(1.25 * first, first + NOISE_MS),
  });
  const during = tenSeconds(found.probes);
  return [
    flat('our part of --wait=hv, idle, before and after', below(before), below(after)),
    flat(
      'our part of --wait=hv during the storm, first and last 10 s',
      below(during[0]!),
      below(during.at(-1)!),
    ),
    {
      what: `${RATE} ports a second for ${seconds} s`,
      target: `≥ ${RATE}/s`,
      measured: `${((found.upMs.length * 10) / (found.sentIn + found.lastUpMs / 1000)).toFixed(1)}/s until up`,
      met: found.sentIn < seconds * 1.02 && found.lastUpMs < 2000,
    },
  ];
}
