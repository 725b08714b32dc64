import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ABI_VERSION } from '@iovisor-ovn/iomodules';
import test from 'ava';
import type { Hypervisor } from '../testsupport/hypervisor.js';
import { startHosts, until } from './testsupport/chain.js';
import type { RawClient } from './testsupport/client.js';

/** Of each of two clients; by hand (`npm run churn`) a thousand. */
const ROUNDS = Number(process.env.IOVISOR_CHURN_ROUNDS ?? 25);
/** What the agent's memory may grow by in the second half: what waits for the garbage collector, and not 64 kB a round. */
const MEMORY = 64 * 1024 * 1024;

/** Counts by port, and sends it out of the other one. */
const CODE = `
BPF_TABLE("hash", u32, u64, seen, 64);
static int handle_rx(void *skb, struct metadata *md) {
  u32 port = md->in_ifc;
  u64 zero = 0, *count = seen.lookup_or_init(&port, &zero);
  lock_xadd(count, 1);
  pkt_redirect(skb, md, 3 - port);
  return RX_REDIRECT;
}`;

/** Each client's own interfaces. */
const PAIRS = [
  ['veth1', 'veth2'],
  ['veth3', 'veth4'],
] as const;

type Id = { id: string };

/** Modules from source and built-in ones, linked with each other and with two interfaces; deleted in another order each time. */
async function round(client: RawClient, [left, right]: readonly [string, string], number: number) {
  const make = async (module: object) => (await client.json<Id>('POST', '/modules/', module)).id;
  const link = async (from: string, to: string) =>
    (await client.json<Id>('POST', '/links/', { from, to })).id;
  const wire = await make({ module_type: 'bpf', display_name: 'wire', config: { code: CODE } });
  const other = await make({ module_type: 'switch', display_name: 'switch', config: {} });
  const guard = await make({ module_type: 'bpf/policy', tags: [wire], config: { code: CODE } });
  const links = [
    await link(`i:${left}`, wire),
    await link(wire, other),
    await link(other, `external_interfaces:${right}`),
  ];
  const seen = `/modules/${wire}/tables/seen/entries/`;
  await client.json('POST', seen, { key: '9', value: `${number}` });
  await client.json('GET', seen);
  for (const id of links.slice(0, number % 4)) await client.json('DELETE', `/links/${id}`);
  const modules = [wire, other, guard];
  for (let i = 0; i < modules.length; i++)
    await client.json('DELETE', `/modules/${modules[(i + number) % modules.length]}`);
}

/** Both clients, `count` rounds each. */
async function rounds(client: RawClient, count: number): Promise<void> {
  await Promise.all(
    PAIRS.map(async (pair) => {
      for (let number = 0; number < count; number++) await round(client, pair, number);
    }),
  );
}

/** What an agent has of the kernel: maps, programs and other descriptors but connections; pins; devices; filters. */
function held(hypervisor: Hypervisor, pid: number) {
  const files = readdirSync(`/proc/${pid}/fd`).map((fd) => [fd, kindOf(pid, fd)] as const);
  const open = files.filter(([, kind]) => kind !== '' && kind !== 'socket');
  const kinds: Record<string, number> = {};
  for (const [, kind] of open) kinds[kind] = (kinds[kind] ?? 0) + 1;
  return { kinds, ...outside(hypervisor) };
}

function kindOf(pid: number, fd: string): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/:\[\d+\]$/, '');
  } catch {
    return ''; // closed meanwhile
  }
}

/** What there is whether an agent runs or not. */
function outside({ bpffs, namespace }: Hypervisor) {
  const dir = join(bpffs, `v${ABI_VERSION}`, 'hover');
  const links = JSON.parse(namespace.ip('-j', 'link')) as { ifname: string; flags: string[] }[];
  return {
    pins: existsSync(dir) ? readdirSync(dir).sort() : [],
    devices: links.map(({ ifname }) => ifname).sort(),
    promiscuous: links.filter(({ flags }) => flags.includes('PROMISC')).map(({ ifname }) => ifname),
    filters: PAIRS.flat().map((device) => namespace.run('tc', 'filter', 'show', 'dev', device, 'ingress')),
  };
}

const memory = (pid: number) =>
  1024 * Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);

test.serial(`two clients make and delete ${ROUNDS} times: nothing is left, nothing grows`, async (t) => {
  t.timeout(10 * 60_000);
  const { hypervisor, client, pid } = await startHosts(t, [[], [], [], []]);
  await rounds(client, 3);
  const [before, start] = [held(hypervisor, pid), memory(pid)];
  t.true((before.kinds['anon_inode:bpf-map'] ?? 0) > 20 && before.pins.length > 8, 'it would be seen');
  await rounds(client, Math.ceil(ROUNDS / 2));
  const half = memory(pid);
  await rounds(client, Math.floor(ROUNDS / 2));
  t.deepEqual(held(hypervisor, pid), before);
  const end = memory(pid);
  t.log(`resident: ${start} at the beginning, ${half} at half time, ${end} bytes at the end`);
  t.true(end - half < MEMORY, `${half} → ${end} bytes`);
  t.deepEqual(await client.json('GET', '/links/'), []);
});

test.serial('killed in the midst of it: the next agent begins with nothing of it left', async (t) => {
  const { hypervisor, client, startAgent } = await startHosts(t, [[], [], [], []]);
  await until(() => outside(hypervisor).devices.includes('br-int'));
  const clean = outside(hypervisor);
  let stopped = false;
  const churn = PAIRS.map(async (pair) => {
    // Until there is nobody to talk to.
    for (let number = 0; !stopped; number++) await round(client, pair, number).catch(() => (stopped = true));
  });
  await until(() => outside(hypervisor).promiscuous.length >= 2);
  await hypervisor.stopAgent('SIGKILL');
  await Promise.all(churn);
  t.notDeepEqual(outside(hypervisor), clean, 'it has left something');
  const pid = await startAgent();
  // A thread of its own removes the device.
  await until(() => !outside(hypervisor).devices.includes('iovh0'));
  t.deepEqual(outside(hypervisor), clean);
  t.deepEqual(await client.json('GET', '/links/'), []);
  t.deepEqual(
    (await client.json<Id[]>('GET', '/modules/')).map(({ id }) => id),
    ['b:br-int'],
  );
  await rounds(client, 2);
  t.true(held(hypervisor, pid).pins.length > 8);
});
