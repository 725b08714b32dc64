import { existsSync, readdirSync } from 'node:fs';
import { linkIds, mapIds, programIds } from '@iovisor-ovn/libbpf';
import { serving } from '../lab/index.js';
import { type BpfIds, bpfIdsOf, daemons, type Holdings, holdingsOf, pinsOf } from './checks/resources.js';
import type { Model } from './model.js';
import { settled } from './settle.js';
import { PATIENCE_S, type Site } from './site.js';

/** Descriptors of connections that come and go. */
const SLACK = 4;

/** What the daemons still have after all of it, and newly started ones have not: a line each. */
export async function leftovers(site: Site, model: Model): Promise<string[]> {
  const before = await look(site);
  for (let n = 1; n <= model.hypervisors; n++) await site.endAgent(n, 'SIGTERM');
  for (const which of [0, 1]) await site.coordinators.end(which, 'SIGTERM');
  for (const which of [0, 1]) site.coordinators.spawn(which);
  for (let n = 1; n <= model.hypervisors; n++) site.spawnAgent(n);
  await settled(site, model, false);
  const after = await look(site);
  const found: string[] = [];
  for (const [name, had] of before.holdings) {
    const has = after.holdings.get(name);
    for (const what of ['maps', 'programs', 'links', 'descriptors'] as const)
      if (has === undefined || had[what] > has[what] + (what === 'descriptors' ? SLACK : 0))
        found.push(`${name} held ${had[what]} ${what}, a new one holds ${has?.[what]}`);
  }
  for (const [i, pins] of before.pins.entries()) {
    const more = pins.filter((pin) => !after.pins[i]!.includes(pin));
    const less = after.pins[i]!.filter((pin) => !pins.includes(pin));
    if (more.length > 0) found.push(`hv${i + 1} had pins that a new agent has not: ${more.join(' ')}`);
    if (less.length > 0) found.push(`hv${i + 1} had not the pins of a new agent: ${less.join(' ')}`);
  }
  return found;
}

interface Looked {
  /** By name; the coordinators by what they are: a leader has more connections. */
  holdings: Map<string, Holdings>;
  /** Of each hypervisor. */
  pins: string[][];
}

async function look(site: Site): Promise<Looked> {
  // While Node starts it has files open.
  const ready = { service: 'ovn-sb', timeoutMs: PATIENCE_S * 1000 };
  await Promise.all(site.coordinators.all.map(({ address }) => serving(address, ready)));
  const { process: leader } = await site.leader();
  const roleOf = (name: string) =>
    name.startsWith('agent')
      ? name
      : name === leader?.name
        ? 'the leading coordinator'
        : 'the standby coordinator';
  return {
    holdings: new Map([...daemons(site)].map(([name, pid]) => [roleOf(name), holdingsOf(pid)])),
    pins: site.lab.hypervisors.map(({ bpffs }) => pinsOf(bpffs)),
  };
}

/** All BPF objects that our agents have open. */
export function heldBy(site: Site): BpfIds {
  const all: BpfIds = { maps: new Set(), programs: new Set(), links: new Set() };
  for (const pid of daemons(site).values()) {
    const ids = bpfIdsOf(pid);
    for (const kind of ['maps', 'programs', 'links'] as const) for (const id of ids[kind]) all[kind].add(id);
  }
  return all;
}

const FREED_MS = 20_000;

/** What is still on the machine when the lab is gone: a line each. */
export async function remains(site: Site, held?: BpfIds): Promise<string[]> {
  const { lab } = site;
  const left = () => [
    ...readdirSync('/run/netns').flatMap((name) =>
      name.startsWith(`${lab.name}-`) ? [`namespace ${name}`] : [],
    ),
    ...lab.hypervisors.flatMap(({ bpffs }) => (existsSync(bpffs) ? [bpffs] : [])),
    ...[...mapIds()].flatMap((id) => (held?.maps.has(id) ? [`map ${id}`] : [])),
    ...[...programIds()].flatMap((id) => (held?.programs.has(id) ? [`program ${id}`] : [])),
    ...[...linkIds()].flatMap((id) => (held?.links.has(id) ? [`link ${id}`] : [])),
  ];
  // The kernel frees what nobody holds a moment later. Who opens a program array meanwhile makes it stay (seen on 6.18), so only
  // ids are looked at.
  const until = Date.now() + FREED_MS;
  while (left().length > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 100));
  return left().map((what) => `it is still there when all is removed: ${what}`);
}
