import test from 'ava';
import {
  iov_event_kind,
  iov_eventCodec,
  iov_fdb_keyCodec,
  iov_learningCodec,
  iov_port_flag,
  iov_virtual_keyCodec,
  iov_dest_kind as kind,
} from '../gen/abi.js';
import {
  arp,
  EventReader,
  ether,
  ip4,
  ip4Bytes,
  ip6,
  ipv4,
  Lab,
  type LabPort,
  mac,
  nd,
  number32,
  udp,
} from '../testing/index.js';

const A = '02:00:00:00:00:01';
const B = '02:00:00:00:00:02';
const ALL = 'ff:ff:ff:ff:ff:ff';
const { IOV_PORT_LEARN, IOV_PORT_VIRTUAL_PARENT } = iov_port_flag;

const lab = new Lab();
const told = new EventReader(lab.maps.iov_events);
lab.addSwitch(1, { flood: 0x8000, unknown: 0x8001 });
const b = lab.addPort({ addresses: [B] });
lab.addGroup(1, 0x8000, { local: [b.number] });
lab.addGroup(1, 0x8001, { local: [b.number] });
test.after.always(() => lab.close());
test.beforeEach(() => {
  told.take();
});

let macs = 0;
const newMac = () =>
  `02:00:00:01:${[++macs >> 8, macs & 255].map((n) => n.toString(16).padStart(2, '0')).join(':')}`;
const from = (src: string, dst = B) => ether({ src, dst, type: 0x88b5 });
const learner = (set = 0) => lab.addPort({ set: IOV_PORT_LEARN | set });
const fdbKey = (address: string) => iov_fdb_keyCodec.encode({ datapath: 1, mac: mac(address) });

test.serial('a source MAC is told with its port, and the frame goes on', (t) => {
  const [port, src] = [learner(), newMac()];
  t.like(lab.run(from(src), port), { action: 'redirect', port: b.number });
  t.deepEqual(told.take(), [
    {
      kind: iov_event_kind.IOV_EVENT_MAC,
      port: port.number,
      datapath: 1,
      port_key: port.key,
      key: 0,
      mac: mac(src),
      pad: Buffer.alloc(2),
    },
  ]);
});

const frames: [string, (src: string) => Buffer][] = [
  ['unicast', (src) => from(src)],
  ['broadcast', (src) => from(src, ALL)],
  ['unknown unicast', (src) => from(src, '02:00:00:00:99:99')],
  [
    'ARP',
    (src) => ether({ src, dst: ALL, type: 0x0806 }, arp({ sha: src, spa: '10.0.0.1', tpa: '10.0.0.9' })),
  ],
  [
    'IPv4',
    (src) =>
      ether({ src, dst: B, type: 0x0800 }, ipv4({ src: '1.2.3.4', dst: '5.6.7.8', proto: 17 }, udp(1, 2))),
  ],
];
for (const [what, frame] of frames) {
  test.serial(`the source of ${what} is learned`, (t) => {
    const [port, src] = [learner(), newMac()];
    t.not(lab.run(frame(src), port).action, 'drop');
    t.deepEqual(told.take()[0]?.mac, mac(src));
  });
}

const silent: [string, (src: string) => LabPort][] = [
  ['a port that does not learn', () => lab.addPort()],
  [
    'a MAC that is learned at this port',
    (src) => {
      const port = learner();
      lab.addLearned(1, src, { kind: kind.IOV_DEST_LOCAL, index: port.number, egress_key: port.key });
      return port;
    },
  ],
  [
    'a MAC that is learned at this port, which several chassis have',
    (src) => {
      const port = learner();
      lab.addLearned(1, src, { kind: kind.IOV_DEST_GROUP, index: 1, egress_key: port.key });
      return port;
    },
  ],
  [
    'a MAC that port security refuses',
    () => {
      const port = learner();
      lab.setPort(port, { set: IOV_PORT_LEARN, security: [A] });
      return port;
    },
  ],
];
for (const [what, make] of silent) {
  test.serial(`not told: ${what}`, (t) => {
    const src = newMac();
    lab.run(from(src), make(src));
    t.deepEqual(told.take(), []);
    t.is(lab.maps.iov_learning.lookup(fdbKey(src)), undefined);
  });
}

// Stock learns them too, although the row is of no use: what Northbound lists wins where the switch looks a MAC up.
for (const [what, listed] of [
  ['this port', (port: LabPort) => port],
  ['another port', () => b],
] as const)
  test.serial(`told like any other: a MAC that Northbound lists at ${what}`, (t) => {
    const [port, src] = [learner(), newMac()];
    const { number: index, key: egress_key } = listed(port);
    lab.addMac(1, src, { kind: kind.IOV_DEST_LOCAL, index, egress_key });
    lab.run(from(src), port);
    t.deepEqual(told.take()[0]?.mac, mac(src));
  });

for (const [what, dest] of [
  ['at another port here', { kind: kind.IOV_DEST_LOCAL, index: b.number, egress_key: b.key }],
  ['at another chassis', { kind: kind.IOV_DEST_REMOTE, index: 1, egress_key: 999 }],
  ['at a port that is bound nowhere', { kind: kind.IOV_DEST_UNBOUND, egress_key: 998 }],
] as const) {
  test.serial(`told: a MAC that was learned ${what}`, (t) => {
    const src = newMac();
    lab.addLearned(1, src, dest);
    const port = learner();
    lab.run(from(src), port);
    t.is(told.take()[0]?.port, port.number);
  });
}

/** As if it had been told so many units of 2^20 ns earlier. */
function age(key: Buffer, units: number): void {
  const row = iov_learningCodec.decode(lab.maps.iov_learning.lookup(key)!);
  lab.maps.iov_learning.update(key, iov_learningCodec.encode({ ...row, told: (row.told - units) >>> 0 }));
}

test.serial('a MAC is told once a second, for as long as nobody has learned it', (t) => {
  const [port, src] = [learner(), newMac()];
  for (let i = 0; i < 10; i++) lab.run(from(src), port);
  t.is(told.take().length, 1);
  age(fdbKey(src), 960);
  for (let i = 0; i < 10; i++) lab.run(from(src), port);
  t.is(told.take().length, 1);
});

test.serial('other MACs do not wait for it', (t) => {
  const port = learner();
  for (let i = 0; i < 100; i++) lab.run(from(newMac()), port);
  t.is(told.take().length, 100);
});

test.serial('a MAC that moves is told sooner, but not with every packet', (t) => {
  const [one, other, src] = [learner(), learner(), newMac()];
  for (let i = 0; i < 10; i++) for (const port of [one, other]) lab.run(from(src), port);
  t.deepEqual(
    told.take().map(({ port }) => port),
    [one.number],
  );
  age(fdbKey(src), 70);
  lab.run(from(src), one);
  t.deepEqual(told.take(), [], 'the old place has to wait for its second');
  lab.run(from(src), other);
  t.deepEqual(
    told.take().map(({ port }) => port),
    [other.number],
  );
});

test.serial('MACs of other switches are others', (t) => {
  lab.addSwitch(2, { unknown: 0x8001 });
  const [one, other, src] = [learner(), lab.addPort({ datapath: 2, set: IOV_PORT_LEARN }), newMac()];
  lab.run(from(src), one);
  lab.run(from(src), other);
  t.deepEqual(
    told.take().map(({ datapath }) => datapath),
    [1, 2],
  );
});

test.serial('when the agent does not read, packets go on, and are told once there is room', (t) => {
  const port = learner();
  const fits = lab.maps.iov_events.maxEntries / (8 + iov_eventCodec.size) - 1;
  for (let i = 0; i < fits + 100; i++)
    lab.modules.entry.testRun({ data: from(newMac()), ctx: { ifindex: port.ifindex } });
  const late = newMac();
  t.like(lab.run(from(late), port), { action: 'redirect', port: b.number });
  t.is(lab.maps.iov_learning.lookup(fdbKey(late)), undefined);
  t.true(told.take().length >= fits - 1);
  lab.run(from(late), port);
  t.deepEqual(told.take()[0]?.mac, mac(late));
});

const VIP4 = '10.0.0.100';
const VIP6 = 'fd00::100';
const VIRTUAL_KEY = 500;
const SOLICITED = 'ff02::1:ff00:100';
const mapped = (ip: string) =>
  ip.includes(':') ? ip6(ip) : Buffer.concat([Buffer.alloc(10), Buffer.from([255, 255]), ip4Bytes(ip4(ip))]);
function parent(set = 0): LabPort {
  const port = lab.addPort({ set: IOV_PORT_VIRTUAL_PARENT | set });
  for (const ip of [VIP4, VIP6]) {
    const key = iov_virtual_keyCodec.encode({ port: port.number, ip: mapped(ip) });
    lab.maps.iov_virtual_ips.update(key, number32(VIRTUAL_KEY));
  }
  lab.maps.iov_learning.clear();
  return port;
}
const arpFrame = (op: number, spa: string, tpa: string) =>
  ether({ src: A, dst: ALL, type: 0x0806 }, arp({ op, sha: A, spa, tpa }));
const ndFrame = (a: {
  type: 135 | 136;
  dst: string;
  target: string;
  code?: number;
  hops?: number;
  src?: string;
}) => ether({ src: A, dst: '33:33:ff:00:01:00', type: 0x86dd }, nd({ src: 'fd00::1', ...a }));

const claims: [string, Buffer, boolean][] = [
  ['a gratuitous ARP request', arpFrame(1, VIP4, VIP4), true],
  ['an ARP reply in its name', arpFrame(2, VIP4, '10.0.0.7'), true],
  ['a gratuitous ARP reply', arpFrame(2, VIP4, VIP4), true],
  ['an ARP request from it', arpFrame(1, VIP4, '10.0.0.7'), false],
  ['an ARP request for it', arpFrame(1, '10.0.0.7', VIP4), false],
  ['an ARP reply to it', arpFrame(2, '10.0.0.7', VIP4), false],
  ['a gratuitous ARP of another address', arpFrame(1, '10.0.0.101', '10.0.0.101'), false],
  ['an ARP of another operation', arpFrame(3, VIP4, VIP4), false],
  ['a solicitation for it, to it', ndFrame({ type: 135, dst: VIP6, target: VIP6 }), true],
  ['a solicitation for it, to its group', ndFrame({ type: 135, dst: SOLICITED, target: VIP6 }), true],
  [
    'duplicate address detection for it',
    ndFrame({ type: 135, src: '::', dst: SOLICITED, target: VIP6 }),
    true,
  ],
  ['a solicitation for it, to all nodes', ndFrame({ type: 135, dst: 'ff02::1', target: VIP6 }), false],
  ['a solicitation for another', ndFrame({ type: 135, dst: SOLICITED, target: 'fd00::101' }), false],
  ['a solicitation with a code', ndFrame({ type: 135, dst: SOLICITED, target: VIP6, code: 1 }), false],
  ['a solicitation over a router', ndFrame({ type: 135, dst: SOLICITED, target: VIP6, hops: 64 }), false],
  ['an advertisement of it', ndFrame({ type: 136, dst: 'ff02::1', target: VIP6 }), true],
  ['an advertisement of it to one', ndFrame({ type: 136, dst: 'fd00::7', target: VIP6 }), true],
  ['an advertisement of another', ndFrame({ type: 136, dst: 'ff02::1', target: 'fd00::101' }), false],
  ['an advertisement with a code', ndFrame({ type: 136, dst: 'ff02::1', target: VIP6, code: 1 }), false],
  [
    'IPv4 from it',
    ether({ src: A, dst: B, type: 0x0800 }, ipv4({ src: VIP4, dst: '10.0.0.7', proto: 17 }, udp(1, 2))),
    false,
  ],
];
for (const [what, frame, claimed] of claims) {
  test.serial(`${what} ${claimed ? 'claims' : 'does not claim'} a virtual address`, (t) => {
    const port = parent();
    t.not(lab.run(frame, port).action, 'drop');
    const events = told.take();
    t.is(events.length, claimed ? 1 : 0);
    if (!claimed) return;
    const { IOV_EVENT_VIRTUAL } = iov_event_kind;
    t.like(events[0], { kind: IOV_EVENT_VIRTUAL, port: port.number, port_key: port.key, key: VIRTUAL_KEY });
  });
}

test.serial('a claim is not answered in the name of a port that lists the address', (t) => {
  lab.addNeighbour(1, VIP4, B, b.key);
  lab.addNeighbour(1, VIP6, B, b.key);
  for (const frame of [claims[0]![1], claims[9]![1]]) {
    t.is(lab.run(frame, parent()).action, 'flood');
    t.is(lab.run(frame, lab.addPort()).action, 'redirect', 'others are answered');
  }
});

test.serial('a claim by a port that is no parent is none', (t) => {
  parent();
  lab.run(claims[0]![1], lab.addPort());
  lab.run(claims[0]![1], lab.addPort({ set: IOV_PORT_VIRTUAL_PARENT }));
  t.deepEqual(told.take(), []);
});

test.serial('a claim that port security refuses is none', (t) => {
  const port = parent();
  lab.setPort(port, { set: IOV_PORT_VIRTUAL_PARENT, security: [`${A} 10.0.0.1`] });
  t.like(lab.run(claims[0]![1], port), { reason: 'portsec_in_arp' });
  t.deepEqual(told.take(), []);
});

test.serial('a claim is told once a second; that of another parent sooner', (t) => {
  const [one, other] = [parent(), parent()];
  for (let i = 0; i < 5; i++) lab.run(claims[i % 3]![1], one);
  t.is(told.take().length, 1);
  const [key] = [...lab.maps.iov_learning.keys()];
  age(key!, 70);
  lab.run(claims[0]![1], one);
  t.is(told.take().length, 0);
  lab.run(claims[0]![1], other);
  t.deepEqual(
    told.take().map(({ port }) => port),
    [other.number],
  );
});

test.serial('a parent that learns does both', (t) => {
  lab.run(claims[0]![1], parent(IOV_PORT_LEARN));
  t.deepEqual(
    told
      .take()
      .map((event) => event.kind)
      .sort(),
    [iov_event_kind.IOV_EVENT_MAC, iov_event_kind.IOV_EVENT_VIRTUAL],
  );
});
