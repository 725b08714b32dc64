import { performance } from 'node:perf_hooks';
import { Lab } from '../../lab/index.js';
import { type Cleanup, withCleanup } from '../cleanup.js';
import { bpfMapBytes, processMemory } from '../memory/processMemory.js';
import type { Section } from '../report.js';
import { Northbound } from '../scale/northbound.js';
import { plug, scalePort } from '../scale/ports.js';
import { probe } from '../scale/storm.js';
import { median, quantile } from '../stats.js';

const PORTS = 2000;
const SWITCHES = 100;
/** Plugged by one ovs-vsctl. */
const AT_ONCE = 100;
const PROBES = 20;
const PROBE = scalePort(1_000_000);
const NOISE_MS = 5;

/** One real agent with 2,000 ports on 100 switches: what it costs, how soon it is there, and how long a change takes then. */
export function benchHost(parent: Cleanup, quick: boolean): Promise<Section> {
  return withCleanup(parent, async (cleanup) => {
    const ports = quick ? PORTS / 10 : PORTS;
    const lab = await Lab.create({ hypervisors: 2 });
    cleanup.add(`lab ${lab.name}`, () => lab.destroy());
    const networks = Array.from({ length: SWITCHES }, (_, n) => `net${n}`);
    await lab.nbctl(...networks.flatMap((network) => ['--', 'ls-add', network]).slice(1));
    const northbound = await Northbound.connect(lab.central.nb);
    cleanup.add('connection to NB', () => northbound.close());
    await plug(lab, 2, [PROBE]);
    const hv = lab.hv(1);
    const empty = await probes(lab);
    const memoryEmpty = await memory(hv.agent!.pid);
    const filledMs = await fill(lab, northbound, ports);
    const full = await probes(lab);
    const memoryFull = await memory(hv.agent!.pid);
    const restartMs = await restart(lab);
    const afterRestart = await probes(lab);
    const rows = [
      ['no ports', ...memoryEmpty.map(mib), ...latency(empty)],
      [`${ports} ports`, ...memoryFull.map(mib), ...latency(full)],
      ['after kill -9', ...(await memory(hv.agent!.pid)).map(mib), ...latency(afterRestart)],
    ];
    const perPort = (memoryFull[0]! - memoryEmpty[0]!) / ports;
    return {
      name: 'host',
      tables: [
        {
          title: `One agent with ${ports} ports on ${SWITCHES} switches`,
          header: ['', 'RSS MiB', 'BPF maps MiB', 'below: median ms', 'p95 ms'],
          rows,
        },
      ],
      targets: [
        {
          what: `“below” at ${ports} ports, to none`,
          target: '≤ 2.0× or noise',
          measured: `${(median(full) / median(empty)).toFixed(2)}×`,
          met: median(full) <= Math.max(2 * median(empty), median(empty) + NOISE_MS),
        },
      ],
      notes: [
        `all ports up ${(filledMs / 1000).toFixed(1)} s after the first tap was made; ${(perPort / 1024).toFixed(1)} KiB of RSS a port`,
        `after kill -9 the agent serves again in ${restartMs.toFixed(0)} ms, from its start until its health service says so`,
        'below: from northd’s commit to Southbound until the last hypervisor has it',
      ],
      data: { ports, filledMs, restartMs, memoryEmpty, memoryFull, empty, full, afterRestart },
    };
  });
}

async function fill(lab: Lab, northbound: Northbound, count: number): Promise<number> {
  const ports = Array.from({ length: count }, (_, n) => scalePort(n, SWITCHES));
  const began = performance.now();
  const up = northbound.whenUp(ports, 300);
  for (let at = 0; at < count; at += AT_ONCE) {
    const some = ports.slice(at, at + AT_ONCE);
    await Promise.all([plug(lab, 1, some), northbound.add(some)]);
  }
  await up;
  const took = performance.now() - began;
  await lab.sync();
  return took;
}

async function restart(lab: Lab): Promise<number> {
  const hv = lab.hv(1);
  await hv.stopAgent('SIGKILL');
  const began = performance.now();
  await hv.startAgent();
  const took = performance.now() - began;
  await lab.sync();
  return took;
}

async function probes(lab: Lab): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < PROBES; i++) found.push((await probe(lab, PROBE)).belowMs);
  return found;
}

async function memory(pid: number): Promise<[resident: number, maps: number]> {
  return [(await processMemory(pid)).residentBytes, await bpfMapBytes(pid)];
}

const latency = (ms: readonly number[]) => [median(ms), quantile(ms, 0.95)].map((n) => n.toFixed(1));
const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
