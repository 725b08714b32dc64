import test from 'ava';
import { iov_port_flag as flag, iov_drop, iov_event_kind } from '../gen/abi.js';
import { arp, EventReader, ether, ipv4, Lab, mac, number32, udp } from '../testing/index.js';

const A = '02:00:00:00:00:01';
const B = '02:00:00:00:00:02';
const ALL = 'ff:ff:ff:ff:ff:ff';

const lab = new Lab();
lab.addSwitch(1, { flood: 0x8000, unknown: 0x8001 });
const a = lab.addPort({ addresses: [A] });
const b = lab.addPort({ addresses: [B] });
const told = new EventReader(lab.maps.iov_events);
test.after.always(() => lab.close());

const packet = ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 17 }, udp(1000, 2000));
const frame = ether({ src: A, dst: B, type: 0x0800 }, packet);
const rarp = (src = A) =>
  ether({ src, dst: ALL, type: 0x8035 }, arp({ op: 3, sha: src, spa: '0.0.0.0', tpa: '0.0.0.0' }));

const nothing = {
  eth_dst: Buffer.alloc(6),
  eth_src: Buffer.alloc(6),
  eth_type: 0,
  vlan_tci: 0,
  ip_src: [0, 0, 0, 0],
  ip_dst: [0, 0, 0, 0],
  flags: 0,
  sport: 0,
  dport: 0,
  ip_proto: 0,
};
const unparsed: [string, number, { set?: number; clear?: number }][] = [
  ['disabled', iov_drop.IOV_DROP_PORT_DISABLED, { clear: flag.IOV_PORT_ENABLED }],
  ['failing closed', iov_drop.IOV_DROP_PORT_FAIL_CLOSED, { set: flag.IOV_PORT_FAIL_CLOSED }],
  ['not valid', iov_drop.IOV_DROP_NO_PORT, { clear: flag.IOV_PORT_VALID }],
];
for (const [what, reason, flags] of unparsed) {
  test.serial(`a port that is ${what}: the note of the drop says nothing of the packet before`, (t) => {
    const port = lab.addPort(flags);
    // Something stays in the scratch memory of the CPU, which the lab's run would clear.
    lab.modules.entry.testRun({ data: frame, ctx: { ifindex: a.ifindex } });
    const long = Buffer.concat([frame, Buffer.alloc(40)]);
    lab.modules.entry.testRun({ data: long, ctx: { ifindex: port.ifindex } });
    t.like(lab.lastDrop(port, reason), { packets: 1n, length: long.length, ...nothing });
  });
}

test.serial('a frame that ends in its tag is not described as the one before', (t) => {
  const port = lab.addPort({ set: flag.IOV_PORT_VLAN_PASSTHRU });
  lab.modules.entry.testRun({ data: frame, ctx: { ifindex: a.ifindex } });
  const cut = ether({ src: B, dst: A, type: 0x0800, vlan: 5 }).subarray(0, 16);
  lab.modules.entry.testRun({ data: cut, ctx: { ifindex: port.ifindex } });
  const { eth_src, ...note } = lab.lastDrop(port, iov_drop.IOV_DROP_MALFORMED)!;
  t.deepEqual(eth_src, mac(B));
  t.like(note, { eth_type: 0, sport: 0, dport: 0, ip_proto: 0, length: 16 });
  t.is(note.flags & ~(1 << 4), 0);
});

test.serial('a drop behind the parser says what it was, and how long', (t) => {
  const port = lab.addPort();
  const lost = ether({ src: A, dst: '02:00:00:00:00:77', type: 0x0800 }, packet);
  lab.maps.iov_datapaths.update(number32(1), Buffer.alloc(lab.maps.iov_datapaths.valueSize));
  lab.run(lost, port);
  lab.addSwitch(1, { flood: 0x8000, unknown: 0x8001 });
  t.like(lab.lastDrop(port, iov_drop.IOV_DROP_UNKNOWN_DESTINATION), {
    length: lost.length,
    eth_type: 0x0800,
    eth_src: mac(A),
    sport: 1000,
  });
});

const inactive = () => {
  const port = lab.addPort({ set: flag.IOV_PORT_INACTIVE });
  lab.addGroup(1, 0x8000, { local: [b.number, port.number] });
  lab.addMac(1, '02:00:00:00:00:0a', { kind: 1, index: port.number, egress_key: port.key });
  told.take();
  return port;
};

const dropped: [string, Buffer][] = [
  ['IPv4', frame],
  ['ARP', ether({ src: A, dst: ALL, type: 0x0806 }, arp({ sha: A, spa: '10.0.0.1', tpa: '10.0.0.2' }))],
  ['a broadcast', ether({ src: A, dst: ALL, type: 0x88b5 })],
];
for (const [what, bytes] of dropped) {
  test.serial(`a machine that waits for its RARP cannot send ${what}`, (t) => {
    t.like(lab.run(bytes, inactive()), { action: 'drop', reason: 'inactive' });
    t.deepEqual(told.take(), []);
  });
}

test.serial('its RARP goes on, and is told once a second', (t) => {
  const port = inactive();
  t.like(lab.run(rarp(), port), { action: 'flood', scratch: { copies: 1 } });
  t.is(lab.run(rarp(), port).action, 'flood');
  const events = told.take();
  t.is(events.length, 1);
  t.like(events[0], {
    kind: iov_event_kind.IOV_EVENT_RARP,
    port: port.number,
    datapath: 1,
    port_key: port.key,
    mac: mac(A),
  });
});

test.serial('its RARP is subject to port security like any other frame', (t) => {
  const port = inactive();
  lab.setPort(port, { set: flag.IOV_PORT_INACTIVE, security: [A] });
  t.like(lab.run(rarp(B), port), { action: 'drop', reason: 'portsec_in_mac' });
  t.is(told.take().length, 1, 'the machine is here all the same');
});

test.serial('nothing is delivered to it, unicast or broadcast', (t) => {
  const port = inactive();
  t.like(lab.run(ether({ src: A, dst: '02:00:00:00:00:0a', type: 0x88b5 }), a), { reason: 'inactive' });
  t.like(lab.run(ether({ src: A, dst: ALL, type: 0x88b5 }), a), { action: 'flood', scratch: { copies: 1 } });
  t.is(lab.portDrops(port, iov_drop.IOV_DROP_INACTIVE), 2n);
});

test.serial('a RARP from a port that is active is no event', (t) => {
  inactive();
  lab.run(rarp(), a);
  t.deepEqual(told.take(), []);
});
