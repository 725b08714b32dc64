import test from 'ava';
import { iov_datapath_flag as flag, iov_event_kind, iov_mcast_event_layout } from '../gen/abi.js';
import {
  Capture,
  EventReader,
  ether,
  igmp,
  igmp3,
  igmpPacket,
  ipv4,
  ipv6,
  Lab,
  type LabPort,
  mld,
  mld2,
  mldPacket,
  nd,
  udp,
} from '../testing/index.js';

const A = '02:00:00:00:00:01';
const GROUP = 0x8005;
const lab = new Lab();
const told = new EventReader(lab.maps.iov_events);
test.after.always(() => lab.close());
test.beforeEach(() => {
  told.takeRecords();
});

let datapaths = 0;
/**
 * A switch that snoops. Ports: 0 sends, 1 joined 239.1.2.3, 2 has mcast_flood, 3 mcast_flood_reports, 4 is a router port (not in
 * _MC_flood_l2).
 */
function snooping(
  more: { unregistered?: boolean; noStatic?: boolean; noRouters?: boolean; snoop?: boolean } = {},
) {
  const datapath = ++datapaths;
  const flags =
    (more.snoop === false ? 0 : flag.IOV_DATAPATH_SNOOP) |
    (more.unregistered ? flag.IOV_DATAPATH_FLOOD_UNREGISTERED : 0);
  const keys = {
    flood_l2_group: 0x8004,
    static_group: more.noStatic ? 0 : 0x8003,
    mrouter_group: more.noRouters ? 0 : 0x8002,
  };
  lab.addSwitch(datapath, { flood: 0x8000, more: { flags, ...keys } });
  const ports = Array.from({ length: 5 }, () => lab.addPort({ datapath }));
  const group = (key: number, ...members: number[]) =>
    lab.addGroup(datapath, key, { local: members.map((i) => ports[i]!.number) });
  group(0x8000, 0, 1, 2, 3, 4);
  group(0x8004, 0, 1, 2, 3);
  group(0x8003, 2);
  group(0x8002, 3);
  group(GROUP, 1);
  lab.addJoined(datapath, '239.1.2.3', GROUP);
  lab.addJoined(datapath, 'ff0e::1234', GROUP);
  lab.addJoined(datapath, 'ff02::1:ff00:9', GROUP);
  const captures = ports.map((port) => new Capture(port.peerIfindex));
  /** Which ports got it. */
  const send = (frame: Buffer, from: LabPort = ports[0]!) => {
    const verdict = lab.run(frame, from);
    const heard = captures.flatMap((capture, i) =>
      capture.waiting().map((copy) => (copy.equals(frame) ? i : Number.NaN)),
    );
    return { verdict, heard };
  };
  return { datapath, ports, send };
}

const to4 = (dst: string, mac = '01:00:5e:01:02:03') =>
  ether({ src: A, dst: mac, type: 0x0800 }, ipv4({ src: '10.0.0.1', dst, proto: 17 }, udp(1, 2)));
const to6 = (dst: string, mac = '33:33:00:00:12:34') =>
  ether({ src: A, dst: mac, type: 0x86dd }, ipv6({ src: 'fd00::1', dst, next: 17 }, udp(1, 2)));
const igmpFrame = (message: Buffer, dst = '239.1.2.3', mac = '01:00:5e:01:02:03') =>
  ether({ src: A, dst: mac, type: 0x0800 }, igmpPacket('10.0.0.1', dst, message));
const mldFrame = (message: Buffer, dst: string, src = 'fe80::1', mac = '33:33:00:00:00:16') =>
  ether({ src: A, dst: mac, type: 0x86dd }, mldPacket(src, dst, message));

const all = [1, 2, 3, 4];
const data: [string, Buffer, number[], number[]][] = [
  ['a group that somebody joined', to4('239.1.2.3'), [1, 2], [1, 2]],
  ['a group that nobody joined', to4('239.9.9.9'), [2], all],
  ['an IPv6 group that somebody joined', to6('ff0e::1234'), [1, 2], [1, 2]],
  ['an IPv6 group that nobody joined', to6('ff0e::99'), [2], all],
  ['a group with a broadcast MAC', to4('239.1.2.3', 'ff:ff:ff:ff:ff:ff'), [1, 2], [1, 2]],
  ['a link-local group', to4('224.0.0.5'), [1, 2, 3], [1, 2, 3]],
  ['beyond the link-local groups', to4('224.0.1.5'), [2], all],
  ['a unicast address in a multicast MAC', to4('10.0.0.9'), all, all],
  ['IP broadcast', to4('255.255.255.255', 'ff:ff:ff:ff:ff:ff'), all, all],
  ['IPv6, all nodes', to6('ff02::1'), all, all],
  ['IPv6, all nodes of the interface', to6('ff01::1'), all, all],
  ['IPv6, all routers of the site', to6('ff05::2'), all, all],
  ['IPv6, a reserved address', to6('ff0b::'), all, all],
  ['IPv6, solicited nodes', to6('ff02::1:ff12:3456'), all, all],
  ['IPv6, solicited nodes that joined', to6('ff02::1:ff00:9'), [1, 2], [1, 2]],
  ['IPv6, all nodes of a site are none', to6('ff05::1'), [2], all],
  ['IPv6, mDNS', to6('ff02::fb'), [2], all],
  ['an IPv6 group in a MAC of no IPv6 group', to6('ff0e::99', '01:00:5e:01:02:03'), all, all],
  ['a multicast MAC without IP', ether({ src: A, dst: '01:00:5e:01:02:03', type: 0x88b5 }), all, all],
];
for (const [what, frame, snooped, flooded] of data)
  test.serial(`${what}: to ports ${snooped}, with mcast_flood_unregistered to ${flooded}`, (t) => {
    t.deepEqual(snooping().send(frame).heard.sort(), snooped);
    t.deepEqual(snooping({ unregistered: true }).send(frame).heard.sort(), flooded);
    t.deepEqual(snooping({ snoop: false }).send(frame).heard.sort(), all);
  });

test.serial('a solicitation to a group that somebody joined goes to the group', (t) => {
  const frame = ether(
    { src: A, dst: '33:33:ff:00:00:09', type: 0x86dd },
    nd({ type: 135, src: 'fd00::1', dst: 'ff02::1:ff00:9', target: 'fd00::9' }),
  );
  t.deepEqual(snooping().send(frame).heard.sort(), [1, 2]);
});

test.serial('without mcast_flood ports: a group goes to those who joined, others nowhere', (t) => {
  const { send, ports } = snooping({ noStatic: true });
  t.deepEqual(send(to4('239.1.2.3')).heard, [1]);
  t.like(send(to4('239.9.9.9')), { verdict: { action: 'drop', reason: 'mcast_unregistered' }, heard: [] });
  t.like(send(to4('239.1.2.3'), ports[1]!), { verdict: { action: 'drop', reason: 'empty_group' } });
});

const at = iov_mcast_event_layout.offsets.message;
const messages: [string, Buffer, number[] | string, Buffer][] = [
  ['IGMPv1 report', igmpFrame(igmp(0x12, '239.1.2.3')), [3], igmp(0x12, '239.1.2.3')],
  ['IGMPv2 report', igmpFrame(igmp(0x16, '239.1.2.3')), [3], igmp(0x16, '239.1.2.3')],
  ['IGMPv2 leave', igmpFrame(igmp(0x17, '239.1.2.3'), '224.0.0.2'), [3], igmp(0x17, '239.1.2.3')],
  [
    'IGMPv3 report',
    igmpFrame(igmp3([{ type: 4, group: '239.1.2.3' }]), '224.0.0.22'),
    [3],
    igmp3([{ type: 4, group: '239.1.2.3' }]),
  ],
  ['IGMP query', igmpFrame(igmp(0x11, '0.0.0.0'), '224.0.0.1'), [1, 2, 3], igmp(0x11, '0.0.0.0')],
  [
    'IGMP of another kind',
    igmpFrame(igmp(0x13, '0.0.0.0'), '224.0.0.1'),
    'mcast_message',
    igmp(0x13, '0.0.0.0'),
  ],
  [
    'IGMP to a unicast MAC',
    igmpFrame(igmp(0x16, '239.1.2.3'), '10.0.0.9', '02:00:00:00:00:09'),
    [3],
    igmp(0x16, '239.1.2.3'),
  ],
];
for (const [what, frame, outcome, message] of messages)
  test.serial(`${what}: told, and to ${outcome}`, (t) => {
    const { send, ports } = snooping();
    const { verdict, heard } = send(frame);
    if (typeof outcome === 'string') t.is(verdict.reason, outcome);
    else t.deepEqual(heard.sort(), outcome);
    const records = told.takeRecords();
    t.is(records.length, 1);
    t.is(records[0]!.readUInt32LE(0), iov_event_kind.IOV_EVENT_IGMP);
    t.is(records[0]!.readUInt32LE(4), ports[0]!.number);
    t.is(records[0]!.readUInt16LE(12), ports[0]!.key);
    t.deepEqual(records[0]!.subarray(at), message);
  });

const big = Array.from({ length: 60 }, (_, i) => ({ type: 2, group: `ff0e::${i + 1}` }));
const mlds: [string, Buffer, number[]][] = [
  ['MLDv1 report', mldFrame(mld(131, 'ff0e::1'), 'ff0e::1'), [3]],
  ['MLDv1 done', mldFrame(mld(132, 'ff0e::1'), 'ff02::2'), [3]],
  ['MLD query', mldFrame(mld(130, '::'), 'ff02::1'), [1, 2, 3]],
  ['MLDv2 report', mldFrame(mld2([{ type: 4, group: 'ff0e::1', sources: 1 }]), 'ff02::16', '::'), [3]],
  ['MLDv2 report of many groups', mldFrame(mld2(big), 'ff02::16'), [3]],
];
for (const [what, frame, outcome] of mlds)
  test.serial(`${what}: told, and to ${outcome}`, (t) => {
    const { send } = snooping();
    t.deepEqual(send(frame).heard.sort(), outcome);
    const records = told.takeRecords();
    t.deepEqual(
      records.map((record) => record.readUInt32LE(0)),
      [iov_event_kind.IOV_EVENT_MLD],
    );
    t.deepEqual(records[0]!.subarray(at), frame.subarray(14 + 48));
  });

test.serial('what is no MLD for northd is data', (t) => {
  const { send } = snooping();
  t.deepEqual(
    send(mldFrame(mld(131, 'ff0e::1'), 'ff0e::1', 'fd00::1')).heard,
    [2],
    'a source that is not link-local',
  );
  t.deepEqual(send(mldFrame(mld2([]), 'ff0e::1')).heard, [2], 'version 2 to another address');
  t.deepEqual(told.takeRecords(), []);
});

test.serial('a wrong checksum, a message cut short', (t) => {
  const { send } = snooping();
  for (const frame of [igmpFrame(igmp(0x16, '239.1.2.3')), mldFrame(mld(131, 'ff0e::1'), 'ff0e::1')]) {
    const wrong = Buffer.from(frame);
    wrong[wrong.length - 1]! ^= 1;
    t.like(send(wrong), { verdict: { action: 'drop', reason: 'malformed' }, heard: [] });
  }
  t.like(send(igmpFrame(igmp(0x16, '239.1.2.3').subarray(0, 4))), { verdict: { reason: 'malformed' } });
  t.like(send(igmpFrame(Buffer.alloc(0))), { verdict: { reason: 'malformed' } });
  t.deepEqual(told.takeRecords(), []);
});

test.serial('reports without a multicast router stay', (t) => {
  const { send } = snooping({ noRouters: true });
  t.like(send(igmpFrame(igmp(0x16, '239.1.2.3'))), { verdict: { action: 'drop', reason: 'mcast_message' } });
  t.is(told.takeRecords().length, 1);
});

test.serial('a machine that sends without end is heard a few times, and forwarded each time', (t) => {
  const { send } = snooping();
  const heard = Array.from({ length: 100 }, () => send(igmpFrame(igmp(0x16, '239.1.2.3'))).heard);
  t.true(heard.every((ports) => ports.join() === '3'));
  const { length } = told.takeRecords();
  t.true(length >= 16 && length < 100, `${length}`);
});

test.serial('in a switch that does not snoop, IGMP is flooded and not told', (t) => {
  const { send } = snooping({ snoop: false });
  t.deepEqual(send(igmpFrame(igmp(0x16, '239.1.2.3'))).heard.sort(), all);
  t.deepEqual(told.takeRecords(), []);
});

for (const types of [['vxlan'], ['geneve'], ['vxlan', 'geneve']] as const)
  test.serial(`both groups go into tunnels: ${types}`, (t) => {
    const { datapath, send } = snooping();
    const underlay = lab.addPort({ datapath: 999 });
    const wire = new Capture(underlay.peerIfindex);
    const numbers = types.map((type, i) => {
      const number = datapath * 10 + i;
      const outer = { type, src: '192.0.2.1', dst: `192.0.2.${number % 250}`, srcMac: A, dstMac: A } as const;
      lab.addTunnel(number, underlay.ifindex, outer);
      return number;
    });
    lab.addGroup(datapath, GROUP, { local: [], remote: numbers });
    lab.addGroup(datapath, 0x8003, { local: [], remote: numbers });
    t.is(send(to4('239.1.2.3')).verdict.scratch.copies, 2 * types.length);
    const copies = wire.waiting();
    t.is(copies.length, 2 * types.length);
    for (const copy of copies) t.deepEqual(copy.subarray(-to4('239.1.2.3').length), to4('239.1.2.3'));
  });
