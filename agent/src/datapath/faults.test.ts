import { mkdirSync, readdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { BpfError, BpfLink, BpfMap, BpfObject, features } from '@iovisor-ovn/libbpf';
import test from 'ava';
import { portIntent, switchIntent } from '../testsupport/intents.js';
import { sh, temporaryDirectory } from '../testsupport/namespace.js';
import { cleanup } from './cleanup.js';
import { all, Kernel } from './testsupport/kernel.js';

const A = '0a:00:00:00:00:01';
const B = '0a:00:00:00:00:02';
const intents = () => [
  switchIntent('s', 5),
  portIntent('a', 's', 1, { local: true, addresses: [`${A} 10.0.0.1`] }),
  portIntent('b', 's', 2, { local: true, addresses: [`${B} 10.0.0.2`] }),
];
/** Often enough for a test. */
const RECHECK_MS = 50;
const tcx = features().tcx ? test : test.skip;

async function twoMachines(kernel: Kernel) {
  return { a: await kernel.machine(A, '10.0.0.1/24'), b: await kernel.machine(B, '10.0.0.2/24') };
}

/** What no event tells of is looked for. */
async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 20_000; !condition(); await setTimeout(10))
    if (Date.now() > deadline) throw new Error(`not within 20 s: ${condition}`);
}

tcx(
  'the BPF file system is unmounted underneath: the machines go on, it is said, and all is pinned again when it is back',
  async (t) => {
    const kernel = await Kernel.open(t);
    const datapath = await kernel.start('tcx', undefined, RECHECK_MS);
    const machines = await twoMachines(kernel);
    await kernel.plug(machines);
    await datapath.apply(all(...intents()));
    const links = readdirSync(join(kernel.versioned, 'links')).sort();
    const pings = await machines.a.startPings('10.0.0.2');
    const mounted = dirname(kernel.bpffs);
    sh('umount', '--lazy', mounted);
    await until(() => datapath.pins.problem !== '');
    t.regex(datapath.pins.problem, /^no BPF file system is mounted at .*mount -t bpf/);
    t.true((await datapath.audit()).differences.length > 30, 'an audit names the pins');
    // Changes go on.
    const { refusals } = await datapath.apply({ ...all(portIntent('c', 's', 3)), full: false });
    t.deepEqual(refusals, []);
    sh('mount', '-t', 'bpf', 'bpf', mounted);
    await until(() => datapath.pins.problem === '');
    await until(() => readdirSync(join(kernel.versioned, 'links')).sort().join() === links.join());
    t.deepEqual((await datapath.audit()).differences, []);
    const next = await kernel.start('tcx');
    await kernel.plug(machines);
    await next.apply(all(...intents()));
    t.deepEqual(await pings.stop(), { lost: 0 });
    t.deepEqual((await next.audit()).differences, []);
  },
);

test('pins that are gone, or lead to other things, when an agent starts: not a packet is lost, and they are right afterwards', async (t) => {
  const kernel = await Kernel.open(t);
  const first = await kernel.start();
  const machines = await twoMachines(kernel);
  await kernel.plug(machines);
  await first.apply(all(...intents()));
  await kernel.stop();
  const maps = (name: string) => join(kernel.versioned, 'maps', name);
  for (const name of ['iov_ports', 'iov_fdb', 'iov_arp', 'iov_groups']) unlinkSync(maps(name));
  mkdirSync(maps('iov_fdb'));
  const other = BpfMap.create({ type: 'array', name: 'other', keySize: 4, valueSize: 12, maxEntries: 3 });
  other.pin(maps('iov_arp'));
  other.close();
  const pings = await machines.a.startPings('10.0.0.2');
  const next = await kernel.start();
  await kernel.plug(machines);
  t.true((await next.audit()).error !== '');
  await next.apply(all(...intents()));
  await next.attachments.settled();
  t.deepEqual(await pings.stop(), { lost: 0 });
  t.deepEqual((await next.audit()).differences, []);
});

test('no memory for a map: it is said, nothing is left behind, and the next start succeeds', async (t) => {
  const kernel = await Kernel.open(t);
  const error = await t.throwsAsync(kernel.start('auto', { iov_ports: 2 ** 30 }), { instanceOf: BpfError });
  t.regex(error!.message, /iov_ports|ENOMEM|E2BIG/);
  t.deepEqual(readdirSync(join(kernel.versioned, 'maps')), []);
  const datapath = await kernel.start();
  const machines = await twoMachines(kernel);
  await kernel.plug(machines);
  await datapath.apply(all(...intents()));
  t.true(machines.a.pings('10.0.0.2'));
});

test('clsact is deleted by hand, and the root qdisc is another: the program comes back', async (t) => {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start('clsact', undefined, RECHECK_MS);
  const machines = await twoMachines(kernel);
  await kernel.plug(machines);
  await datapath.apply(all(...intents()));
  sh('tc', 'qdisc', 'replace', 'dev', machines.a.tap, 'root', 'pfifo', 'limit', '500');
  t.true(machines.a.pings('10.0.0.2'));
  sh('tc', 'qdisc', 'del', 'dev', machines.a.tap, 'clsact');
  const filters = () => sh('tc', 'filter', 'show', 'dev', machines.a.tap, 'ingress');
  await until(() => filters().includes('iov_entry'));
  t.true(machines.a.pings('10.0.0.2'));
  t.deepEqual((await datapath.audit()).differences, []);
});

tcx('TCX programs of others, before ours and after, are left alone', async (t) => {
  const kernel = await Kernel.open(t);
  const directory = temporaryDirectory();
  t.teardown(directory.remove);
  const source = join(directory.path, 'next.c');
  writeFileSync(source, '__attribute__((section("tc"), used)) int next(void *ctx) { return -1; }\n');
  const file = source.replace(/c$/, 'o');
  sh('clang', '-target', 'bpf', '-O2', '-g', '-c', source, '-o', file);
  // TCX takes a program once on a device.
  const [first, last] = [1, 2].map(() => {
    const object = BpfObject.open(file);
    object.load();
    t.teardown(() => object.close());
    return object.program('next');
  });
  const machines = await twoMachines(kernel);
  const { ifindex } = await kernel.link(machines.a);
  const before = BpfLink.attachTcx(first!, ifindex, 'ingress');
  const datapath = await kernel.start('tcx', undefined, RECHECK_MS);
  await kernel.plug(machines);
  await datapath.attachments.settled();
  const after = BpfLink.attachTcx(last!, ifindex, 'ingress');
  await datapath.apply(all(...intents()));
  const stay = () => [before, after].map((link) => [link.info().ifindex, link.info().progId]);
  const there = [first!, last!].map(({ id }) => [ifindex, id]);
  t.true(machines.a.pings('10.0.0.2'));
  t.deepEqual(stay(), there);
  const next = await kernel.start('tcx');
  await kernel.plug(machines);
  await next.apply(all(...intents()));
  t.true(machines.a.pings('10.0.0.2'));
  t.deepEqual((await next.audit()).differences, []);
  await kernel.stop();
  await cleanup(kernel.bpffs, kernel.netlink.links.keys());
  t.deepEqual(stay(), there);
  for (const link of [before, after]) link.close();
});
