import { performance } from 'node:perf_hooks';
import { Lab, type LabOptions } from '../../lab/index.js';
import { type Cleanup, withCleanup } from '../cleanup.js';
import type { Section, Table, Target } from '../report.js';
import { median, quantile } from '../stats.js';
import { CpuSampler, type CpuUse, SAMPLE_SECONDS } from './cpuSampler.js';
import { Northbound } from './northbound.js';
import { plug, SWITCHES, scalePort } from './ports.js';
import { GROUP, type Probe, probe, type Storm, storm } from './storm.js';

const PORTS = 500;
const RATE = 50;
/** The one that is added and removed to see how long that takes. At the other hypervisor. */
const PROBE = scalePort(1_000_000);
const IDLE_PROBES = 10;
/** A difference of medians this small is noise. */
const NOISE_MS = 5;

type Latency = readonly Pick<Probe, 'totalMs' | 'belowMs'>[];

/** What one cloud did. */
interface Run {
  name: string;
  filledMs: number;
  before: Latency;
  after: Latency;
  found: Storm;
  cpu: { seconds: number; use: CpuUse[] };
}

/** A hypervisor with 500 ports on 100 switches, to which 50 a second are added for a minute; and a stock one. */
export async function benchScale(parent: Cleanup, quick: boolean): Promise<Section> {
  const seconds = quick ? 10 : 60;
  const ours = await run('ours', { hypervisors: 2 }, parent, seconds);
  const stock = await run('stock OVN', { hypervisors: 0, stock: 2 }, parent, seconds);
  return {
    name: 'scale',
    tables: [...tables(ours, seconds), ...tables(stock, seconds)],
    targets: [...targets(ours, seconds), holdsLonger(ours, stock, seconds)],
    notes: [
      ...[ours, stock].flatMap(notes),
      'below: from northd’s commit to the Southbound DB until the last hypervisor has it; the rest is ovn-nbctl and',
      'ovn-northd, which grow with the network. ovs-vsctl reads all ports for every call, and shares the CPUs',
    ],
    data: [ours, stock],
  };
}

function run(name: string, options: LabOptions, parent: Cleanup, seconds: number): Promise<Run> {
  return withCleanup(parent, async (cleanup) => {
    const lab = await Lab.create(options);
    cleanup.add(`lab ${lab.name}`, () => lab.destroy());
    const networks = Array.from({ length: SWITCHES }, (_, n) => `net${n}`);
    await lab.nbctl(...networks.flatMap((network) => ['--', 'ls-add', network]).slice(1));
    const northbound = await Northbound.connect(lab.central.nb);
    cleanup.add('connection to NB', () => northbound.close());
    const filledMs = await fill(lab, northbound);
    const before = await idle(lab);
    const sampler = new CpuSampler(lab);
    const found = await storm({ lab, northbound, first: PORTS, rate: RATE, seconds, probe: PROBE });
    const cpu = sampler.stop();
    // What has jammed is not at rest.
    const after = found.failure === undefined ? await idle(lab) : [];
    return { name, filledMs, before, after, found, cpu };
  });
}

/** Makes the first ports, and resolves with how long that took once all are up. */
async function fill(lab: Lab, northbound: Northbound): Promise<number> {
  // A port of each switch at the other hypervisor too.
  const remote = Array.from({ length: SWITCHES }, (_, n) => scalePort(900_000 + n));
  const remoteUp = northbound.whenUp(remote, 60);
  await plug(lab, 2, [...remote, PROBE]);
  await northbound.add(remote);
  await remoteUp;
  const ports = Array.from({ length: PORTS }, (_, n) => scalePort(n));
  const began = performance.now();
  const up = northbound.whenUp(ports, 120);
  await Promise.all([plug(lab, 1, ports), northbound.add(ports), up]);
  const took = performance.now() - began;
  await lab.sync();
  return took;
}

async function idle(lab: Lab): Promise<Latency> {
  const found = [];
  for (let i = 0; i < IDLE_PROBES; i++) found.push(await probe(lab, PROBE));
  return found;
}

const made = (found: Storm) => found.upMs.filter((ms) => ms !== undefined);
const portsAtEnd = ({ found }: Run) => PORTS + made(found).length * GROUP;

function tables(one: Run, seconds: number): Table[] {
  const { name, before, after, found, cpu } = one;
  return [
    {
      title: `${name}: ovn-nbctl --wait=hv lsp-add with ${PORTS} ports on ${SWITCHES} switches of a hypervisor, ${RATE} more a second for ${seconds} s; ms`,
      header: ['when', 'ports', 'median', 'p95', 'below', 'p95 of below'],
      rows: [
        latencyRow('before', PORTS, before),
        ...tenSeconds(found.probes).map((probes) =>
          latencyRow(`second ${Math.floor(probes[0]!.at)} on`, probes[0]!.ports, probes),
        ),
        ...(after.length > 0 ? [latencyRow('after', portsAtEnd(one), after)] : []),
      ],
    },
    {
      title: `${name}: from the making of ten taps until their ports are up, ms`,
      header: ['groups', 'median', 'p95', 'longest'],
      rows: thirds(made(found)).map(([part, ms]) => [
        part,
        ...[median(ms), quantile(ms, 0.95), Math.max(...ms)].map((n) => n.toFixed(0)),
      ]),
    },
    {
      title: `${name}: CPU in the ${cpu.seconds.toFixed(0)} s of the storm, and in each ${SAMPLE_SECONDS} s of them, s`,
      header: [
        'process',
        'all',
        'ms a port',
        ...(cpu.use[0]?.tenths ?? []).map((_, n) => `${n * SAMPLE_SECONDS} s on`),
      ],
      rows: cpu.use.map(({ name: process, total, tenths }) => [
        process,
        ...[total, (1000 * total) / (made(found).length * GROUP), ...tenths].map((n) => n.toFixed(1)),
      ]),
    },
  ];
}

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

function thirds(upMs: readonly number[]): [string, number[]][] {
  const third = Math.ceil(upMs.length / 3);
  const parts: [string, number[]][] = [
    ['first third', upMs.slice(0, third)],
    ['second third', upMs.slice(third, 2 * third)],
    ['last third', upMs.slice(2 * third)],
  ];
  return parts.filter(([, part]) => part.length > 0);
}

function notes({ name, filledMs, found }: Run): string[] {
  const lines = [
    `${name}: ${PORTS} ports on ${SWITCHES} switches were up after ${(filledMs / 1000).toFixed(1)} s, plugged and added in one go;`,
    `${made(found).length} groups of ten left in ${found.sentIn.toFixed(1)} s; the last was up ${found.lastUpMs.toFixed(0)} ms after it was made`,
  ];
  if (found.lateAt !== undefined) lines.push(`${name}: two seconds late from ${found.lateAt} ports on`);
  if (found.givenUpAt !== undefined)
    lines.push(`${name}: ten seconds late, and given up, at ${found.givenUpAt} ports`);
  if (found.failure !== undefined) lines.push(`${name}: ${found.failure}`);
  return lines;
}

function targets({ before, after, found }: Run, seconds: number): Target[] {
  const below = (probes: Latency) =>
    probes.length > 0 ? median(probes.map(({ belowMs }) => belowMs)) : Number.NaN;
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
      below(during[0] ?? []),
      below(during.at(-1) ?? []),
    ),
    {
      what: `${RATE} ports a second for ${seconds} s`,
      target: `≥ ${RATE}/s`,
      measured: `${((made(found).length * GROUP) / (found.sentIn + found.lastUpMs / 1000)).toFixed(1)}/s until up`,
      met: isHeld(found, seconds),
    },
  ];
}

function isHeld(found: Storm, seconds: number): boolean {
  const failed = found.failure !== undefined || found.givenUpAt !== undefined;
  return !failed && found.sentIn < seconds * 1.02 && found.lastUpMs < 2000;
}

/** Up to how many ports each of them holds the rate. */
function holdsLonger(ours: Run, stock: Run, seconds: number): Target {
  const held = (one: Run) => one.found.lateAt ?? portsAtEnd(one);
  const text = (one: Run) => `${held(one)}${isHeld(one.found, seconds) ? ' or more' : ''}`;
  return {
    what: `ports up to which ${RATE} a second hold, ours and stock`,
    target: 'more than stock',
    measured: `${text(ours)}, ${text(stock)}`,
    met: held(ours) > held(stock) || isHeld(ours.found, seconds),
  };
}
