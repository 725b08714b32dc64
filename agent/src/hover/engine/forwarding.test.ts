import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ABI_VERSION } from '@iovisor-ovn/iomodules';
import { BpfLink, features, listMaps, listPrograms, TcFilter } from '@iovisor-ovn/libbpf';
import test from 'ava';
import { Damages } from '../../datapath/audit/damages.js';
import { enterPrivateNetns, ip } from '../../netlink/testsupport/privateNetns.js';
import { Lab, PATCH, QUIET, SWITCH, udpPacket } from '../testsupport/lab.js';
import { openHoverEngine, type PacketIn } from './index.js';
import { cleanUpHover } from './leftovers.js';

enterPrivateNetns();

for (const hook of ['clsact', 'tcx'] as const) {
  const hookTest = hook === 'tcx' && !features().tcx ? test.serial.skip : test.serial;
  hookTest(`machines ping through a switch (${hook})`, async (t) => {
    const lab = await Lab.open(t, { hook });
    const module = await lab.module(3, SWITCH);
    const machines = [await lab.machine(), await lab.machine(), await lab.machine()];
    machines.forEach(({ ifindex }, i) => {
      lab.attach(ifindex, 3, i + 1);
    });
    const [one, two, three] = machines as [(typeof machines)[0], (typeof machines)[0], (typeof machines)[0]];
    t.true(one.machine.pings(two.address));
    t.true(two.machine.pings(three.address));
    t.is(module.tables.get('macs')!.get('0x0a0000000002'), '0x2');

    lab.engine.setPort(3, 2, []);
    t.false(one.machine.pings(two.address, 1), 'a port that leads nowhere');
    await lab.dropped('unlinked_port', 1n);
    lab.engine.setPort(3, 2, [{ kind: 'interface', ifindex: two.ifindex }]);
    t.true(one.machine.pings(two.address));
    lab.engine.setInterface(two.ifindex, []);
    t.false(one.machine.pings(two.address, 1), 'an interface without a program');
    lab.engine.setInterface(two.ifindex, [{ kind: 'module', module: 3, port: 2 }]);
    t.true(one.machine.pings(two.address));
    module.close();
    t.false(one.machine.pings(two.address, 1), 'a module that is gone');
    await lab.dropped('no_module', 1n);
    t.throws(() => lab.engine.setInterface(9999, [{ kind: 'module', module: 3, port: 1 }]), {
      message: /9999/,
    });
  });
}

for (const hook of ['clsact', 'tcx'] as const) {
  const hookTest = hook === 'tcx' && !features().tcx ? test.serial.skip : test.serial;
  hookTest(`what is taken off an interface by hand is put back (${hook})`, async (t) => {
    const damages = new Damages(QUIET);
    // Of filters an event tells; of links nothing does.
    const lab = await Lab.open(t, { hook, damages, beatMs: hook === 'tcx' ? 20 : 600_000 });
    await lab.module(1, PATCH);
    const [one, two] = [await lab.machine(), await lab.machine()];
    lab.attach(one.ifindex, 1, 1);
    lab.attach(two.ifindex, 1, 2);
    t.true(one.machine.pings(two.address));
    const repaired = once(damages, 'repaired');
    const place = { ifindex: one.ifindex, direction: 'ingress', priority: 1, handle: 0x696f7633 } as const;
    if (hook === 'clsact') TcFilter.detach(place);
    else {
      const link = BpfLink.openPinned(
        join(lab.bpffs, `v${ABI_VERSION}`, 'hover', `link_ingress_${one.ifindex}`),
      );
      link.detach();
      link.close();
    }
    t.false(one.machine.pings(two.address, 1));
    t.like((await repaired)[0], { kind: 'attachment', where: one.machine.tap });
    t.true(one.machine.pings(two.address));
    t.is(damages.repairs.get('attachment'), 1);
    // What was unlinked stays off.
    lab.engine.setInterface(one.ifindex, []);
    t.is(TcFilter.query(place), undefined);
    t.false(one.machine.pings(two.address, 1));
  });
}

test.serial('a link changes hands while traffic flows, and nothing is lost', async (t) => {
  const lab = await Lab.open(t);
  for (const number of [1, 2]) await lab.module(number, PATCH);
  const [one, two] = [await lab.machine(), await lab.machine()];
  lab.attach(one.ifindex, 1, 1);
  lab.attach(two.ifindex, 1, 2);
  lab.engine.setPort(2, 1, [{ kind: 'interface', ifindex: one.ifindex }]);
  lab.engine.setPort(2, 2, [{ kind: 'interface', ifindex: two.ifindex }]);
  const pings = await one.machine.startPings(two.address);
  for (let i = 0; i < 200; i++) {
    const module = 1 + (i % 2);
    lab.engine.setInterface(one.ifindex, [{ kind: 'module', module, port: 1 }]);
    lab.engine.setInterface(two.ifindex, [{ kind: 'module', module, port: 2 }]);
    await sleep(1);
  }
  t.is((await pings.stop()).lost, 0);
});

test.serial('chains, policies on a link, and floods into several modules', async (t) => {
  const lab = await Lab.open(t);
  const policy = `BPF_TABLE("array", u32, u64, counters, 3);
static int handle_rx(void *skb, struct metadata *md) {
  u32 sense = md->in_ifc;
  u64 *count = counters.lookup(&sense);
  if (count) lock_xadd(count, 1);
  return RX_OK;
}`;
  // Three switches: 1 in the middle, 2 and 3 at its sides; two machines at each of those.
  for (const number of [1, 2, 3]) await lab.module(number, SWITCH);
  const counting = await lab.module(7, policy);
  const machines = [await lab.machine(), await lab.machine(), await lab.machine(), await lab.machine()];
  lab.patch({ module: 1, port: 1 }, { module: 2, port: 9 });
  lab.engine.setPort(1, 2, [
    { kind: 'module', module: 7, port: 1 },
    { kind: 'module', module: 3, port: 127 },
  ]);
  lab.engine.setPort(3, 127, [
    { kind: 'module', module: 7, port: 2 },
    { kind: 'module', module: 1, port: 2 },
  ]);
  machines.forEach(({ ifindex }, i) => {
    lab.attach(ifindex, i < 2 ? 2 : 3, 1 + (i % 2));
  });
  const [a, b, c, d] = machines.map(({ machine }) => machine);
  t.true(a!.pings('10.0.0.2'));
  t.true(a!.pings('10.0.0.3'));
  t.true(d!.pings('10.0.0.2'));
  t.true(b!.pings('10.0.0.4'));
  t.true(c!.pings('10.0.0.4'));
  const counters = counting.tables.get('counters')!;
  t.true(Number(counters.get('1')) >= 9 && Number(counters.get('2')) >= 9, 'the policy saw both directions');
  // A large packet, in segments still to be cut, through three modules.
  a!.namespace.run('ping', '-c', '1', '-W', '1', '-s', '1400', '10.0.0.3');
  const before = lab.engine.drops();
  t.is(before.get('no_module'), 0n);
  t.is(before.get('end_of_chain'), 0n);
  t.is(before.get('loop'), 0n);
});

test.serial('a loop of switches ends, and is counted', async (t) => {
  const lab = await Lab.open(t);
  const hub =
    'static int handle_rx(void *skb, struct metadata *md) { pkt_controller(skb, md, PKT_BROADCAST); return RX_CONTROLLER; }';
  for (const number of [1, 2, 3]) await lab.module(number, hub);
  for (const number of [1, 2, 3])
    lab.patch({ module: number, port: 1 }, { module: (number % 3) + 1, port: 2 });
  lab.engine.packetOut({ module: 1, port: 5, sense: 'ingress', data: udpPacket() });
  await lab.dropped('loop', 2n);

  const self = await lab.module(4, PATCH);
  lab.patch({ module: 4, port: 1 }, { module: 4, port: 2 });
  lab.engine.packetOut({ module: 4, port: 1, sense: 'ingress', data: udpPacket() });
  await lab.dropped('too_long', 1n);
  self.close();
  t.pass();
});

test.serial('a chain without an end drops, and so does what a module refuses', async (t) => {
  const lab = await Lab.open(t);
  const returning = (what: string) =>
    `static int handle_rx(void *skb, struct metadata *md) { return ${what}; }`;
  const reasons: [string, string][] = [
    ['RX_OK', 'end_of_chain'],
    ['RX_DROP', 'module'],
    ['RX_ERROR', 'error'],
    ['RX_RECIRCULATE', 'error'],
    ['RX_REDIRECT', 'unlinked_port'],
    ['77', 'error'],
  ];
  for (const [returned, reason] of reasons) {
    const module = await lab.module(1, returning(returned));
    const before = lab.engine.drops().get(reason)!;
    lab.engine.packetOut({ module: 1, port: 1, sense: 'ingress', data: udpPacket() });
    await lab.dropped(reason, before + 1n);
    module.close();
  }
  t.pass();
});

test.serial('packets for the controller and from it, in both senses', async (t) => {
  const lab = await Lab.open(t);
  const slow = `static int handle_rx(void *skb, struct metadata *md) {
  u32 words[3] = { 1, 2, 3 };
  if (md->in_ifc == 9) { pkt_redirect(skb, md, 1); return RX_REDIRECT; }
  pkt_set_metadata(skb, words);
  pkt_controller(skb, md, 700);
  return RX_CONTROLLER;
}`;
  await lab.module(6, slow);
  const { machine, ifindex } = await lab.machine();
  lab.attach(ifindex, 6, 1);
  const received: PacketIn[] = [];
  lab.engine.on('packetIn', (packet) => received.push(packet));
  const answered = new Promise<void>((resolve) => {
    lab.engine.on('packetIn', (packet) => {
      if (packet.data.readUInt16BE(12) !== 0x0806 || packet.data.readUInt16BE(20) !== 1) return;
      // Answers ARP, then the ping, as a slow path would.
      const { data, module, port } = packet;
      const reply = Buffer.from(data);
      data.copy(reply, 0, 6, 12);
      reply.write('0a0000000063', 6, 'hex');
      reply.writeUInt16BE(2, 20);
      reply.write('0a0000000063', 22, 'hex');
      data.copy(reply, 28, 38, 42);
      data.copy(reply, 32, 22, 32);
      lab.engine.packetOut({ module, port, sense: 'egress', data: reply });
      resolve();
    });
  });
  t.false(machine.pings('10.0.0.99', 1));
  await answered;
  t.regex(machine.namespace.ip('neighbour', 'show', '10.0.0.99'), /0a:00:00:00:00:63/);
  const arp = received.find(({ data }) => data.readUInt16BE(12) === 0x0806)!;
  t.like(arp, { module: 6, port: 1, reason: 700, length: 42, metadata: [1, 2, 3] });

  const sent = received.length;
  lab.engine.packetOut({ module: 6, port: 4, sense: 'ingress', data: udpPacket() });
  while (received.length === sent || received.at(-1)!.port !== 4) await sleep(2);
  t.deepEqual(received.at(-1)!.data, udpPacket());
  t.throws(() => lab.engine.packetOut({ module: 6, port: 1, sense: 'egress', data: Buffer.alloc(13) }), {
    instanceOf: RangeError,
  });
  t.throws(() => lab.engine.packetOut({ module: 6, port: 0, sense: 'egress', data: udpPacket() }), {
    instanceOf: RangeError,
  });
  const large = Buffer.concat([udpPacket(), Buffer.alloc(20_000)]);
  const cut = await lab.inject(6, 5, large);
  t.deepEqual([cut.length, cut.data.length], [large.length, 16384]);
});

test.serial('a module in plain C, with a reason for each drop and a copy', async (t) => {
  const lab = await Lab.open(t);
  const module = await lab.module(
    2,
    `#include <iov/module.h>
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u64); } packets SEC(".maps");
static int handle(struct __sk_buff *skb, struct iov_md *md)
{
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&packets, &zero);

	if (count)
		__sync_fetch_and_add(count, 1);
	switch (md->port) {
	case 1:
		iov_mirror(skb, md, 3);
		return iov_forward(skb, md, 2);
	case 2:
		return iov_forward(skb, md, 1);
	case 3:
		return iov_flood(skb, md);
	case 4:
		md->metadata[0] = 42;
		return iov_to_controller(skb, md, 12);
	case 5:
		return iov_pass(skb, md);
	}
	return iov_drop(HOVER_DROP_POLICY);
}
IOV_MODULE(handle);
`,
  );
  const [one, two, three] = [await lab.machine(), await lab.machine(), await lab.machine()];
  [one, two, three].forEach(({ ifindex }, i) => {
    lab.attach(ifindex, 2, i + 1);
  });
  t.true(one.machine.pings(two.address));
  const receivedBy = () =>
    Number(/RX:.*\n\s*\d+\s+(\d+)/.exec(three.machine.namespace.ip('-s', 'link', 'show', 'eth0'))![1]);
  t.true(receivedBy() >= 4, 'copies');
  const told = await lab.inject(2, 4, udpPacket());
  t.like(told, { module: 2, reason: 12, metadata: [42, 0, 0] });
  lab.engine.packetOut({ module: 2, port: 9, sense: 'ingress', data: udpPacket() });
  await lab.dropped('policy', 1n);
  lab.engine.packetOut({ module: 2, port: 5, sense: 'ingress', data: udpPacket() });
  await lab.dropped('end_of_chain', 1n);
  t.true(Number(module.tables.get('packets')!.get('0')) > 8);
});

test.serial(
  'policies of a bridge: what comes in and goes out passes them, and then the kernel has it',
  async (t) => {
    const lab = await Lab.open(t);
    const counting = await lab.module(
      1,
      `BPF_TABLE("array", u32, u64, counters, 3);
static int handle_rx(void *skb, struct metadata *md) {
  u32 sense = md->in_ifc;
  u64 *count = counters.lookup(&sense);
  if (count) lock_xadd(count, 1);
  return RX_OK;
}`,
    );
    ip('link add br0 type bridge');
    t.teardown(() => ip('link del br0'));
    ip('link set br0 up');
    const [one, two] = [await lab.machine(), await lab.machine()];
    for (const { machine } of [one, two]) ip(`link set ${machine.tap} master br0`);
    t.true(one.machine.pings(two.address));
    lab.engine.setInterface(one.ifindex, [{ kind: 'module', module: 1, port: 1 }, { kind: 'stack' }]);
    lab.engine.setEgress(one.ifindex, [{ kind: 'module', module: 1, port: 2 }, { kind: 'stack' }]);
    t.true(one.machine.pings(two.address));
    const counters = counting.tables.get('counters')!;
    t.true(Number(counters.get('1')) >= 3 && Number(counters.get('2')) >= 3);
    counting.close();
    t.false(one.machine.pings(two.address, 1), 'without the policy nothing passes');
    lab.engine.setEgress(one.ifindex, []);
    lab.engine.setInterface(one.ifindex, []);
    t.true(one.machine.pings(two.address));
  },
);

test.serial('an interface that goes away takes nothing along', async (t) => {
  const lab = await Lab.open(t);
  await lab.module(1, SWITCH);
  const [one, two] = [await lab.machine(), await lab.machine()];
  lab.attach(one.ifindex, 1, 1);
  lab.attach(two.ifindex, 1, 2);
  ip('link add gone type bridge');
  const { ifindex } = await lab.link('gone');
  lab.attach(ifindex, 1, 3);
  ip('link del gone');
  while (lab.netlink.linkByName('gone') !== undefined) await sleep(2);
  t.true(one.machine.pings(two.address));
  lab.engine.setInterface(ifindex, []);
  t.throws(() => lab.engine.setInterface(ifindex, [{ kind: 'module', module: 1, port: 3 }]));
});

/** A name for a table that nobody else on this machine has. */
const LEAK = `leak${process.pid}`;

/** What the kernel has of modules with that table, and this process has open. */
function counts() {
  const maps = new Set([...listMaps()].filter(({ name }) => name.startsWith(LEAK)).map(({ id }) => id));
  const programs = [...listPrograms()].filter(({ mapIds }) => mapIds.some((id) => maps.has(id)));
  return { programs: programs.length, maps: maps.size, files: readdirSync('/proc/self/fd').length };
}

test.serial('two hundred modules come and go, and leave nothing', async (t) => {
  const lab = await Lab.open(t);
  const { ifindex } = await lab.machine();
  const compiled = await lab.engine.compile(
    `BPF_TABLE("hash", u32, u32, ${LEAK}, 64);
static int handle_rx(void *skb, struct metadata *md) { u32 k = 1; return ${LEAK}.lookup(&k) ? RX_DROP : RX_ERROR; }`,
  );
  const cycle = () => {
    const module = lab.engine.load(1, compiled);
    lab.attach(ifindex, 1, 1);
    module.tables.get(LEAK)!.set('1', '1');
    lab.engine.setInterface(ifindex, []);
    module.close();
    module.close();
  };
  cycle();
  const settle = async (wanted: ReturnType<typeof counts>) => {
    // The kernel frees programs and maps after a grace period.
    for (let i = 0; i < 500 && JSON.stringify(counts()) !== JSON.stringify(wanted); i++) await sleep(10);
    return counts();
  };
  await sleep(200);
  const before = counts();
  const held = lab.engine.load(2, compiled);
  t.deepEqual([counts().programs, counts().maps], [before.programs + 1, before.maps + 1], 'it would be seen');
  held.close();
  for (let i = 0; i < 200; i++) cycle();
  t.deepEqual(await settle(before), before);
});

test.serial('--cleanup removes what an engine has', async (t) => {
  const lab = await Lab.open(t);
  const { ifindex } = await lab.machine();
  await lab.module(1, PATCH);
  lab.attach(ifindex, 1, 1);
  const { netlink, bpffs } = lab;
  const removed = cleanUpHover(bpffs, { links: [...netlink.links.values()], writer: netlink.writer });
  t.is(removed.attachments, 2, 'of the interface and of iovh1');
  t.true(removed.pins > 8);
  t.false(existsSync(join(bpffs, `v${ABI_VERSION}`, 'hover')));
  t.is(TcFilter.list(ifindex, 'ingress').length, 0);
  t.deepEqual(cleanUpHover(bpffs, { links: [...netlink.links.values()], writer: netlink.writer }), {
    attachments: 0,
    pins: 0,
  });
});

test.serial('closing undoes everything, and what a killed engine left is removed by the next', async (t) => {
  const lab = await Lab.open(t);
  const { ifindex, machine } = await lab.machine();
  await lab.module(1, PATCH);
  lab.attach(ifindex, 1, 1);
  const dir = join(lab.bpffs, `v${ABI_VERSION}`, 'hover');
  t.true(readdirSync(dir).includes('hover_modules'));
  const filters = () => TcFilter.list(ifindex, 'ingress').length;
  t.is(filters(), 1);
  const promiscuous = () => ip(`link show ${machine.tap}`);
  lab.engine.setPromiscuous(ifindex, true);
  t.regex(promiscuous(), /PROMISC/);
  // As if the first had been killed: it hears of nothing, and is closed only afterwards.
  lab.netlink.removeAllListeners('link');
  const second = await openHoverEngine({ bpffs: lab.bpffs, netlink: lab.netlink });
  t.notRegex(promiscuous(), /PROMISC/);
  t.deepEqual(
    [...second.drops().values()].filter((count) => count > 0n),
    [],
  );
  await second.close();
  t.false(existsSync(dir));
  t.is(lab.netlink.linkByName('iovh0'), undefined);
});
