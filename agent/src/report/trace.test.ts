import { readdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { Query, type Report, ReportKind, type Resource } from '@iovisor-ovn/proto';
import test, { type ExecutionContext } from 'ava';
import { u32 } from '../datapath/entry.js';
import type { Datapath } from '../datapath/index.js';
import { all, Kernel, more } from '../datapath/testsupport/kernel.js';
import { Tracer } from '../datapath/tracer.js';
import { chassisIntent, portIntent, switchIntent } from '../testsupport/intents.js';
import { type Machine, Namespace, sh, uniqueName } from '../testsupport/namespace.js';
import { makeReport, type ReportSources } from './index.js';

const nobody = () => {
  throw new Error('not asked for');
};
const sources: ReportSources = {
  problems: () => [],
  self: nobody,
  log: { level: '' },
};

const A = '0a:00:00:00:00:01';
const B = '0a:00:00:00:00:02';
const C = '0a:00:00:00:00:03';
const bytes = (text: string) => Buffer.from(text.replace(/[ :]/g, ''), 'hex');

/** To `destination`, from `source`: an IPv4 packet from 10.0.0.`from` to 10.0.0.`to`, of no known protocol. */
function ip4(destination: string, source: string, from: number, to: number, payload = 26): Buffer {
  const header = bytes('45000000000000004099 0000 0a0000000a000000');
  header.writeUInt16BE(20 + payload, 2);
  header[15] = from;
  header[19] = to;
  return Buffer.concat([bytes(destination), bytes(source), bytes('0800'), header, Buffer.alloc(payload)]);
}

const arpRequest = (about: number) =>
  Buffer.concat([
    bytes(`ff:ff:ff:ff:ff:ff ${A} 0806 0001080006040001 ${A} 0a000001 000000000000 0a0000`),
    Buffer.from([about]),
  ]);

/** Machines that send nothing by themselves. */
async function silent(kernel: Kernel, mac: string, address: string): Promise<Machine> {
  const machine = await kernel.machine(mac, address);
  machine.namespace.run('sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1');
  machine.namespace.ip('neighbour', 'flush', 'dev', 'eth0');
  return machine;
}

/** An underlay with two other chassis, hv2 by VXLAN and hv3 by Geneve; ports a and b here, c and d there. */
async function scene(t: ExecutionContext) {
  const kernel = await Kernel.open(t);
  const far = new Namespace('far');
  t.teardown(() => far.remove());
  const near = uniqueName('und');
  sh('ip', 'link', 'add', near, 'type', 'veth', 'peer', 'eth0', 'netns', far.name);
  sh('ip', 'link', 'set', near, 'up');
  sh('ip', 'address', 'add', '198.51.100.1/24', 'dev', near);
  far.ip('link', 'set', 'eth0', 'address', '0a:00:00:00:0f:02', 'up');
  for (const host of [2, 3]) far.ip('address', 'add', `198.51.100.${host}/24`, 'dev', 'eth0');
  while (kernel.netlink.linkByName(near) === undefined) await setTimeout(5);

  const datapath = await kernel.start();
  datapath.setLocalEncaps(['vxlan', 'geneve'].map((type) => ({ type, ip: '198.51.100.1', csum: false })));
  const [a, b] = [await silent(kernel, A, '10.0.0.1/24'), await silent(kernel, B, '10.0.0.2/24')];
  await kernel.plug({ a, b });
  const port = (name: string, key: number, mac: string, more: object = {}): Resource =>
    portIntent(name, 's', key, { addresses: [`${mac} 10.0.0.${key}`], ...more });
  const { refusals } = await datapath.apply(
    all(
      switchIntent('s', 5),
      port('a', 1, A, { local: true, portSecurity: [`${A} 10.0.0.1`] }),
      port('b', 2, B, { local: true }),
      port('c', 3, C, { chassis: 'hv2' }),
      port('d', 4, '0a:00:00:00:00:04', { chassis: 'hv3' }),
      chassisIntent('hv2', ['vxlan', '198.51.100.2']),
      chassisIntent('hv3', ['geneve', '198.51.100.3']),
    ),
  );
  t.deepEqual(refusals, []);
  const numbers = () => [...datapath.compiler.tunnels.values()].flat().map(({ number }) => number);
  while (!numbers().every((number) => datapath.isResolved(number))) await setTimeout(5);
  return { kernel, datapath, a, b, near };
}

const ask = (datapath: Datapath, query: Partial<Query>): Promise<Report> =>
  makeReport(Query.create(query), datapath, sources);

async function trace(datapath: Datapath, port: string, frame: Buffer) {
  const { trace: report } = await ask(datapath, { kind: ReportKind.REPORT_TRACE, trace: { port, frame } });
  return report!;
}

const lines = (report: { steps: { program: string; verdict: string }[] }) =>
  report.steps.map(({ program, verdict }) => `${program}: ${verdict}`);

/** Everything that a packet would leave behind. */
function counted(datapath: Datapath): unknown {
  const { maps } = datapath.loaded;
  return (
    ['iov_port_counters', 'iov_tunnel_counters', 'iov_drops', 'iov_port_drops', 'iov_learning'] as const
  ).map((name) =>
    [...maps[name].entries()]
      .filter(([, value]) => value.some((byte) => byte !== 0))
      .map(([key, value]) => `${name} ${key.toString('hex')} ${value.toString('hex')}`),
  );
}

test.serial('a packet is traced, and leaves nothing behind', async (t) => {
  const { kernel, datapath, a, b, near } = await scene(t);
  const before = counted(datapath);
  const pins = () =>
    ['maps', 'links', 'progs'].flatMap((kind) => readdirSync(`${kernel.versioned}/${kind}`)).sort();
  const pinned = pins();
  t.false(datapath.tracer.loaded);
  let turns = 0;
  const turn = () => {
    turns++;
    next = setImmediate(turn);
  };
  let next = setImmediate(turn);

  const local = await trace(datapath, 'a', ip4(B, A, 1, 2));
  clearImmediate(next);
  t.true(turns > 100, `the event loop turned ${turns} times while the programs were verified`);
  t.is(local.error, '');
  t.deepEqual(lines(local), [
    'iov_entry: → portsec_in',
    'iov_portsec_in: → switch',
    'iov_switch: → portsec_out',
    `iov_portsec_out: deliver to b (${b.tap})`,
  ]);
  t.deepEqual(local.outputs, [{ port: 'b', chassis: '', frame: ip4(B, A, 1, 2) }]);

  const spoofed = await trace(datapath, 'a', ip4(B, A, 9, 2));
  t.is(
    lines(spoofed).at(-1),
    'iov_portsec_in: drop portsec_in_ip4: Port security does not allow the sender this source IPv4 address. (counted at a)',
  );
  t.is(spoofed.steps.at(-1)!.drop, 'portsec_in_ip4');
  t.deepEqual(spoofed.outputs, []);

  const answered = await trace(datapath, 'a', arpRequest(2));
  t.is(lines(answered).at(-1), `iov_arp_reply: deliver to a (${a.tap})`);
  const [reply] = answered.outputs;
  t.is(reply!.port, 'a');
  t.is(
    Buffer.from(reply!.frame).toString('hex'),
    bytes(`${A} ${B} 0806 0001080006040002 ${B} 0a000002 ${A} 0a000001`).toString('hex'),
  );

  const remote = await trace(datapath, 'a', ip4(C, A, 1, 3));
  t.is(lines(remote).at(-1), 'iov_encap: into the tunnel to hv2 (vxlan 198.51.100.1 > 198.51.100.2)');
  t.is(remote.outputs[0]!.chassis, 'hv2');
  t.deepEqual(Buffer.from(remote.outputs[0]!.frame).subarray(50), ip4(C, A, 1, 3));

  // What hv2 would send to b: the same header the other way round.
  const arriving = Buffer.from(remote.outputs[0]!.frame);
  arriving.writeUInt32BE(0xc6336402, 26);
  arriving.writeUInt32BE(0xc6336401, 30);
  arriving.writeUIntBE((2 << 12) | 5, 46, 3);
  const arrived = await trace(datapath, '', arriving);
  t.deepEqual(lines(arrived), ['iov_uplink: → portsec_out', `iov_portsec_out: deliver to b (${b.tap})`]);
  t.deepEqual(arrived.outputs, [{ port: 'b', chassis: '', frame: ip4(C, A, 1, 3) }]);
  t.true(datapath.attachments.isAttached('uplink', kernel.netlink.linkByName(near)!.ifindex));
  arriving.writeUInt32BE(0x01020304, 30);
  t.regex(lines(await trace(datapath, '', arriving)).at(-1)!, /uplink: left to the hypervisor itself/);

  // To all: each copy in its own tunnel's header, the last as the program left it.
  const broadcast = ip4('ff:ff:ff:ff:ff:ff', A, 1, 255);
  const flood = await trace(datapath, 'a', broadcast);
  t.deepEqual(lines(flood).slice(-4), [
    `iov_flood: copy to b (${b.tap})`,
    'iov_flood: → flood_remote',
    'iov_flood_remote: copy into the tunnel to hv2 (vxlan 198.51.100.1 > 198.51.100.2)',
    'iov_flood_remote: copy into the tunnel to hv3 (geneve 198.51.100.1 > 198.51.100.3)',
  ]);
  t.deepEqual(
    flood.outputs.map(({ port, chassis }) => port + chassis),
    ['b', 'hv2', 'hv3'],
  );
  t.deepEqual(flood.outputs[0]!.frame, broadcast);
  const { ifindex } = await kernel.link(a);
  const { frame: last } = await datapath.tracer.trace('entry', broadcast, ifindex);
  t.is(Buffer.from(flood.outputs[2]!.frame).toString('hex'), last.toString('hex'), 'as the kernel made it');
  // Without the Geneve tunnel the VXLAN copy is the last.
  await datapath.apply(more(chassisIntent('hv3', ['vxlan', '198.51.100.3'])));
  const numbers = () => [...datapath.compiler.tunnels.values()].flat().map(({ number }) => number);
  while (!numbers().every((number) => datapath.isResolved(number))) await setTimeout(5);
  const both = await trace(datapath, 'a', broadcast);
  const { frame: lastVxlan } = await datapath.tracer.trace('entry', broadcast, ifindex);
  const last2 = both.outputs.at(-1)!;
  t.is(Buffer.from(last2.frame).toString('hex'), lastVxlan.toString('hex'));
  const first = both.outputs.at(-2)!;
  t.deepEqual(
    Buffer.from(first.frame).subarray(0, 24).equals(Buffer.from(last2.frame).subarray(0, 24)),
    true,
  );

  t.deepEqual(counted(datapath), before, 'nothing was counted, nothing learned');
  t.deepEqual(pins(), pinned, 'nothing was pinned');
  t.true(a.pings('10.0.0.2'), 'the live programs go on');
});

test.serial('what cannot be traced is said', async (t) => {
  const { datapath } = await scene(t);
  const error = async (port: string, frame: Buffer) => (await trace(datapath, port, frame)).error;
  t.regex(await error('nobody', ip4(B, A, 1, 2)), /nobody is not in effect on this hypervisor/);
  t.regex(await error('c', ip4(B, A, 1, 2)), /c is not in effect on this hypervisor/);
  for (const size of [0, 13, 9001, 100_000])
    t.regex(await error('a', Buffer.alloc(size)), /cannot be traced/);
  t.regex(await error('', Buffer.alloc(9065)), /cannot be traced/);
  const missing = await ask(datapath, { kind: ReportKind.REPORT_TRACE });
  t.regex(missing.trace!.error, /no packet to trace/);
  const unknown = await ask(datapath, { kind: 99 as ReportKind });
  t.is(unknown.trace, undefined);
  for (const size of [14, 15, 60, 1514, 3500])
    t.is(await error('a', Buffer.alloc(size)), '', `${size} bytes`);
  // Not every kernel takes test packets of more than a page.
  const jumbo = await error('a', Buffer.alloc(9000));
  t.true(jumbo === '' || /9000 bytes.*no longer test packets/.test(jumbo), jumbo);
  t.is(await error('', Buffer.alloc(14)), '');
  t.false(datapath.compiler.localPortsNamed('c').next().done === false);

  await datapath.apply(more(portIntent('e', 's', 5, { local: true })));
  t.regex(await error('e', ip4(B, A, 1, 2)), /e has no device/);

  const burst = await Promise.all(Array.from({ length: 40 }, () => error('a', ip4(B, A, 1, 2))));
  t.is(burst.filter((one) => one === '').length, 16);
  t.is(burst.filter((one) => /waiting already/.test(one)).length, 24);
});

test.serial('the programs for tracing go when nobody traces, and come again', async (t) => {
  const { kernel, datapath, a } = await scene(t);
  const tracer = new Tracer(datapath.loaded.maps, 1);
  t.teardown(() => tracer.close());
  const { ifindex } = await kernel.link(a);
  const run = () => tracer.trace('entry', ip4(B, A, 1, 2), ifindex);
  t.true((await run()).events.length > 0);
  while (tracer.loaded) await setTimeout(1);
  // The maps are the live ones still.
  t.not(datapath.loaded.maps.iov_ports.lookup(u32(1)), undefined);
  t.is((await run()).events.at(-1)?.kind, 'deliver');
  await t.throwsAsync(tracer.trace('entry', ip4(B, A, 1, 2), 999_999), { message: /interface/ });
  await tracer.close();
  await t.throwsAsync(run(), { message: /stopping/ });
});

test.serial('one port with its drops and what the last of them was', async (t) => {
  const { datapath, a } = await scene(t);
  const details = async (port: string) =>
    (await ask(datapath, { kind: ReportKind.REPORT_PORTS, port })).ports;
  t.deepEqual((await details('a'))[0]!.dropsByReason, []);
  const started = Date.now();
  a.setAddress('10.0.0.9/24');
  t.false(a.pings('10.0.0.2', 1));
  a.namespace.ip('neigh', 'replace', '10.0.0.2', 'lladdr', B, 'dev', 'eth0', 'nud', 'permanent');
  a.namespace.run('bash', '-c', 'ping -c 1 -W 0.1 10.0.0.2 || true; echo > /dev/udp/10.0.0.2/53');
  const [detail] = await details('a');
  t.like(detail, { name: 'a', tap: a.tap, forwarding: true, state: 'forwarding' });
  t.deepEqual(detail!.instances, ['entry:1', 'portsec:1', 'switch:1']);
  const drops = new Map(detail!.dropsByReason.map((drop) => [drop.reason, drop]));
  t.deepEqual([...drops.keys()], ['portsec_in_ip4', 'portsec_in_arp']);
  const [ip, arp] = [drops.get('portsec_in_ip4')!, drops.get('portsec_in_arp')!];
  t.true(ip.packets >= 2n);
  t.regex(
    ip.packet,
    new RegExp(`^${A} > ${B}, IPv4 10\\.0\\.0\\.9 > 10\\.0\\.0\\.2, UDP \\d+ > 53, \\d+ bytes$`),
  );
  t.regex(
    arp.packet,
    new RegExp(`^${A} > ff:ff:ff:ff:ff:ff, ARP of 10\\.0\\.0\\.9 for 10\\.0\\.0\\.2, 42 bytes$`),
  );
  t.is(ip.description, 'Port security does not allow the sender this source IPv4 address.');
  for (const { last } of [ip, arp]) {
    t.is(new Date(last).toISOString(), last);
    t.true(Date.parse(last) >= started - 1000 && Date.parse(last) <= Date.now() + 1000, last);
  }
  t.is(detail!.drops, ip.packets + arp.packets);
  t.deepEqual(await details('nobody'), []);
  t.deepEqual(
    (await ask(datapath, { kind: ReportKind.REPORT_PORTS })).ports.map(({ name }) => name),
    ['a', 'b'],
  );

  // Why a port does not forward.
  await datapath.apply(
    more(portIntent('x', 'nowhere', 1, { local: true }), portIntent('y', 's', 6, { local: true })),
  );
  t.regex((await details('x'))[0]!.state, /not in the data plane: .*nowhere/);
  t.is((await details('y'))[0]!.state, 'no device: nothing has external_ids:iface-id=y here');
  datapath.setPlugged(new Map([['y', { ifindex: 999_999 }]]));
  t.regex((await details('y'))[0]!.state, /no device: device 999999 does not carry the program/);
});
