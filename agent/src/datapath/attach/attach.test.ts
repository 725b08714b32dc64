import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { BpfLink, type LinkInfo, listLinks, listPrograms, TcFilter } from '@iovisor-ovn/libbpf';
import test, { type ExecutionContext } from 'ava';
import { portIntent, switchIntent } from '../../testsupport/intents.js';
import { type Machine, Namespace, sh, uniqueName } from '../../testsupport/namespace.js';
import { cleanup } from '../cleanup.js';
import { all, Kernel } from '../testsupport/kernel.js';

const A = '0a:00:00:00:00:01';
const B = '0a:00:00:00:00:02';

const intents = [
  switchIntent('s', 5),
  portIntent('a', 's', 1, { local: true, addresses: [`${A} 10.0.0.1`] }),
  portIntent('b', 's', 2, { local: true, addresses: [`${B} 10.0.0.2`] }),
];

async function twoMachines(kernel: Kernel): Promise<{ a: Machine; b: Machine }> {
  return { a: await kernel.machine(A, '10.0.0.1/24'), b: await kernel.machine(B, '10.0.0.2/24') };
}

/** Names of the programs at a device's ingress. Links are those of the pins: ids of other namespaces' devices are alike. */
function attached(kernel: Kernel, ifindex: number): string[] {
  const names = new Map([...listPrograms()].map(({ id, name }) => [id, name]));
  const filters = TcFilter.list(ifindex, 'ingress').flatMap(({ priority, handle }) => {
    return TcFilter.query({ ifindex, direction: 'ingress', priority, handle }) ?? [];
  });
  return [
    ...pinnedLinks(kernel)
      .filter((link) => link.ifindex === ifindex)
      .map(({ progId }) => `tcx ${names.get(progId)}`),
    ...filters.map(({ progId }) => `clsact ${names.get(progId)}`),
  ];
}

function pinnedLinks(kernel: Kernel): LinkInfo[] {
  const directory = `${kernel.versioned}/links`;
  if (!existsSync(directory)) return [];
  return readdirSync(directory).map((name) => {
    const link = BpfLink.openPinned(`${directory}/${name}`);
    try {
      return link.info();
    } finally {
      link.close();
    }
  });
}

for (const hook of ['tcx', 'clsact'] as const) {
  test(`${hook}: machines talk, a restart keeps them talking, a cleanup leaves nothing`, async (t) => {
    const kernel = await Kernel.open(t);
    const first = await kernel.start(hook);
    t.is(first.attachments.hook, hook);
    const { a, b } = await twoMachines(kernel);
    await kernel.plug({ a, b });
    await first.apply(all(...intents));
    t.true(a.pings('10.0.0.2'));
    const { ifindex } = await kernel.link(a);
    t.deepEqual(attached(kernel, ifindex), [`${hook} iov_entry`]);

    const again = await kernel.start(hook);
    t.true(a.pings('10.0.0.2'), 'before anybody said anything to the new process');
    await kernel.plug({ a, b });
    await again.apply(all(...intents));
    t.true(a.pings('10.0.0.2'));

    const ours = new Set(
      [...listPrograms()].filter(({ name }) => name.startsWith('iov_')).map(({ id }) => id),
    );
    const entry = again.loaded.modules.entry.id;
    t.true(ours.has(entry));
    await kernel.stop();
    t.true(a.pings('10.0.0.2'), 'without an agent');
    const { attachments } = await cleanup(kernel.bpffs, kernel.netlink.links.keys());
    t.is(attachments, 2);
    t.false(existsSync(kernel.bpffs));
    t.deepEqual(attached(kernel, ifindex), []);
    t.deepEqual(await cleanup(kernel.bpffs, kernel.netlink.links.keys()), { attachments: 0, pins: 0 });
    await programGone(t, entry);
    t.false([...listLinks()].some(({ progId }) => progId === entry));
  });
}

/** The kernel frees a program some time after its last user has gone. */
async function programGone(t: ExecutionContext, id: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  while ([...listPrograms()].some((program) => program.id === id)) {
    if (Date.now() > deadline) return t.fail(`program ${id} is still in the kernel`);
    await new Promise(setImmediate);
  }
  t.pass();
}

test("other people's filters stay", async (t) => {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start('clsact');
  const { a, b } = await twoMachines(kernel);
  const { ifindex } = await kernel.link(a);
  // A program that is not ours, as far as names tell.
  const program = datapath.loaded.modules.programs.iov_switch!;
  const foreign = { ifindex, direction: 'ingress', priority: 7, handle: 9 } as const;
  TcFilter.attach({ ...foreign, program });
  await kernel.plug({ a, b });
  await datapath.apply(all(...intents));
  t.true(a.pings('10.0.0.2'));
  t.deepEqual(attached(kernel, ifindex), ['clsact iov_entry', 'clsact iov_switch']);
  await kernel.stop();
  await cleanup(kernel.bpffs, kernel.netlink.links.keys());
  t.deepEqual(attached(kernel, ifindex), ['clsact iov_switch']);
});

test('a filter of somebody else in our very place is left alone, reported, and heals when it goes', async (t) => {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start('clsact');
  const { a, b } = await twoMachines(kernel);
  const { ifindex } = await kernel.link(a);
  const program = datapath.loaded.modules.programs.iov_switch!;
  const place = { ifindex, direction: 'ingress', priority: 1, handle: 0x696f7631 } as const;
  TcFilter.attach({ ...place, program });
  await kernel.plug({ a, b });
  await datapath.apply(all(...intents));
  t.deepEqual([...datapath.forwarding.keys()], ['b']);
  t.deepEqual(attached(kernel, ifindex), ['clsact iov_switch']);
  t.regex([...datapath.attachments.failures.values()][0]!.message, /belongs to another program/);
  TcFilter.detach(place);
  const changed = once(datapath, 'forwarding');
  await changed;
  t.deepEqual([...datapath.forwarding.keys()].sort(), ['a', 'b']);
  t.is(datapath.attachments.failures.size, 0);
});

test('from clsact to TCX without a lost packet', async (t) => {
  const kernel = await Kernel.open(t);
  const first = await kernel.start('clsact');
  const { a, b } = await twoMachines(kernel);
  await kernel.plug({ a, b });
  await first.apply(all(...intents));
  t.true(a.pings('10.0.0.2', 1));
  const traffic = await a.startPings('10.0.0.2');
  await kernel.start('tcx');
  await kernel.plug({ a, b });
  t.deepEqual(await traffic.stop(), { lost: 0 });
  t.deepEqual(attached(kernel, (await kernel.link(a)).ifindex), ['tcx iov_entry']);
});

test('a tap that vanishes stops forwarding; one that comes back under its name forwards again', async (t) => {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start('tcx');
  const { a, b } = await twoMachines(kernel);
  await kernel.plug({ a, b });
  await datapath.apply(all(...intents));
  t.deepEqual([...datapath.forwarding.keys()].sort(), ['a', 'b']);
  const links = () => readdirSync(`${kernel.versioned}/links`);
  t.is(links().length, 2);

  const changed = once(datapath, 'forwarding');
  sh('ip', 'link', 'del', a.tap);
  await once(kernel.netlink, 'link');
  await kernel.plug({ b });
  await changed;
  t.deepEqual([...datapath.forwarding.keys()], ['b']);
  t.is(links().length, 1);
  t.is(kernel.port(1).ifindex, 0);

  const a2 = await kernel.machine(A, '10.0.0.1/24');
  const back = once(datapath, 'forwarding');
  await kernel.plug({ a: a2, b });
  await back;
  t.is(kernel.port(1).ifindex, (await kernel.link(a2)).ifindex);
  t.true(a2.pings('10.0.0.2'));
});

test('a tap forwards before TCX is attached, and loses no packet when it is', async (t) => {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start('auto');
  const { a, b } = await twoMachines(kernel);
  const links = await Promise.all([kernel.link(a), kernel.link(b)]);
  await datapath.apply(all(...intents));
  const first = new Map<number, string | undefined>();
  datapath.attachments.on('changed', (role, ifindexes) => {
    for (const ifindex of ifindexes) first.set(ifindex, datapath.attachments.hookOf(role, ifindex));
  });
  datapath.changeDevices({ added: links.map(({ ifindex }) => ifindex), removed: [] });
  const plugged = [
    ['a', links[0]!],
    ['b', links[1]!],
  ] as const;
  datapath.changePlugged({ upserts: plugged, removals: [] });
  while (datapath.forwarding.size < 2) await once(datapath, 'forwarding');
  t.deepEqual([...first.values()], ['clsact', 'clsact']);
  const traffic = await a.startPings('10.0.0.2');
  await datapath.attachments.settled();
  t.deepEqual(await traffic.stop(), { lost: 0 });
  for (const { ifindex } of links) t.deepEqual(attached(kernel, ifindex), ['tcx iov_entry']);
});

/** Sends frames out of a device without pause until stopped; resolves with the first. */
async function startFlood(device: string): Promise<{ stop(): Promise<void> }> {
  const script = `
import select, socket, sys
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((sys.argv[1], 0))
out.send(bytes(60))
print("started", flush=True)
while not select.select([0], [], [], 0)[0]:
    out.send(bytes(60))`;
  const flood = spawn('python3', ['-c', script, device], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(flood.stdout, 'data');
  const stop = async () => {
    const closed = once(flood, 'close');
    flood.stdin.end();
    await closed;
  };
  return { stop };
}

/** What a device sent, and what it should have sent and dropped. */
function transmitted(device: string): { packets: number; dropped: number } {
  const [link] = JSON.parse(sh('ip', '-s', '-j', 'link', 'show', device)) as [
    { stats64: { tx: { packets: number; dropped: number } } },
  ];
  return link.stats64.tx;
}

test('a tap takes every packet sent to it while TCX takes over, and keeps nothing of clsact once it is released', async (t) => {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start('auto');
  const a = await kernel.machine(A, '10.0.0.1/24');
  const { ifindex } = await kernel.link(a);
  datapath.changeDevices({ added: [ifindex], removed: [] });
  t.is(datapath.attachments.hookOf('entry', ifindex), 'clsact');
  const flood = await startFlood(a.tap);
  const before = transmitted(a.tap);
  await datapath.attachments.settled();
  const after = transmitted(a.tap);
  await flood.stop();
  t.deepEqual(attached(kernel, ifindex), ['tcx iov_entry']);
  t.true(after.packets > before.packets);
  t.is(after.dropped, before.dropped);

  datapath.changeDevices({ added: [], removed: [ifindex] });
  await datapath.attachments.settled();
  t.notRegex(sh('tc', 'qdisc', 'show', 'dev', a.tap), /clsact/);
});

test('a cleanup takes away the empty clsact that TCX left behind', async (t) => {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start('auto');
  const a = await kernel.machine(A, '10.0.0.1/24');
  const { ifindex } = await kernel.link(a);
  datapath.changeDevices({ added: [ifindex], removed: [] });
  await datapath.attachments.settled();
  t.regex(sh('tc', 'qdisc', 'show', 'dev', a.tap), /clsact/);
  await kernel.stop();
  await cleanup(kernel.bpffs, kernel.netlink.links.keys());
  t.notRegex(sh('tc', 'qdisc', 'show', 'dev', a.tap), /clsact/);
  t.deepEqual(attached(kernel, ifindex), []);
});

test('a device that goes, comes back or is no more wanted while TCX is being attached', async (t) => {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start('tcx');
  const { a, b } = await twoMachines(kernel);
  const [goes, stays] = [(await kernel.link(a)).ifindex, (await kernel.link(b)).ifindex];
  const change = (added: number[], removed: number[]) => datapath.changeDevices({ added, removed });
  // Each of these finds the one before under way.
  change([goes, stays], []);
  t.false(datapath.attachments.isAttached('entry', goes));
  sh('ip', 'link', 'del', a.tap);
  change([], [goes]);
  change([], [stays]);
  change([stays], []);
  change([stays], [stays]);
  await datapath.attachments.settled();
  t.deepEqual(attached(kernel, stays), ['tcx iov_entry']);
  t.deepEqual([...datapath.attachments.list('entry')], [stays]);
  t.is(datapath.attachments.failures.size, 0);
  change([], [stays]);
  change([stays], []);
  change([], [stays]);
  await datapath.attachments.settled();
  t.deepEqual(attached(kernel, stays), []);
  t.deepEqual(readdirSync(`${kernel.versioned}/links`), []);
});

test('a device that is released carries nothing of ours', async (t) => {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start('auto');
  const { a, b } = await twoMachines(kernel);
  await kernel.plug({ a, b });
  await datapath.apply(all(...intents));
  await kernel.plug({ b });
  t.deepEqual(attached(kernel, (await kernel.link(a)).ifindex), []);
  t.deepEqual(attached(kernel, (await kernel.link(b)).ifindex).length, 1);
});

test('an uplink that goes to another namespace and comes back: nothing stays on it, and it has its program again', async (t) => {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start('tcx');
  const [name, away] = [uniqueName('und'), new Namespace('away')];
  t.teardown(() => away.remove());
  sh('ip', 'link', 'add', name, 'type', 'veth', 'peer', `${name}p`);
  // Nobody else's on this machine.
  const ip = `198.19.${(process.pid >> 8) & 0xff}.${process.pid & 0xff}`;
  const address = ['address', 'add', `${ip}/32`, 'dev', name];
  const isThere = async (there: boolean) => {
    while ((kernel.netlink.linkByName(name) !== undefined) !== there) await once(kernel.netlink, 'link');
    await datapath.attachments.settled();
  };
  const isAttached = async () => {
    for (;;) {
      await datapath.attachments.settled();
      const { ifindex } = kernel.netlink.linkByName(name)!;
      if (datapath.attachments.isAttached('uplink', ifindex)) return attached(kernel, ifindex);
      await once(kernel.netlink, 'address');
    }
  };
  sh('ip', ...address);
  datapath.setLocalEncaps([{ type: 'vxlan', ip, csum: false }]);
  await isThere(true);
  t.deepEqual(await isAttached(), ['tcx iov_uplink']);
  const [link] = pinnedLinks(kernel);
  sh('ip', 'link', 'set', name, 'netns', away.name);
  await isThere(false);
  t.deepEqual(pinnedLinks(kernel), []);
  t.false(
    [...listLinks()].some(({ id }) => id === link!.id),
    'the kernel has it no more',
  );
  away.ip('link', 'set', name, 'netns', `${process.pid}`);
  sh('ip', ...address);
  await isThere(true);
  t.deepEqual(await isAttached(), ['tcx iov_uplink']);
  sh('ip', 'link', 'del', name);
});
