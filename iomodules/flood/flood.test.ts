import test from 'ava';
import { iov_port_flag, iov_portCodec } from '../gen/abi.js';
import { arp, Capture, ether, groupRows, ip, Lab, type LabPort, number32 } from '../testing/index.js';

const A = '02:00:00:00:00:01';
const ALL = 'ff:ff:ff:ff:ff:ff';
const FLOOD = 0x8000;
const UNKNOWN = 0x8001;

const lab = new Lab();
let datapaths = 0;
test.after.always(() => lab.close());

const frame = ether({ src: A, dst: ALL, type: 0x0806 }, arp({ sha: A, spa: '10.0.0.1', tpa: '10.0.0.9' }));

/** A switch with `count` ports, all in its flood group, each with somebody listening at the machine's end. */
function switchOf(count: number): { datapath: number; ports: LabPort[]; heard: () => Buffer[][] } {
  const datapath = ++datapaths;
  lab.addSwitch(datapath, { flood: FLOOD, unknown: UNKNOWN });
  const ports = Array.from({ length: count }, () => lab.addPort({ datapath }));
  lab.addGroup(datapath, FLOOD, { local: ports.map(({ number }) => number) });
  const captures = ports.map((port) => new Capture(port.peerIfindex));
  return { datapath, ports, heard: () => captures.map((capture) => capture.waiting()) };
}

test.serial('every other port gets the frame, to the byte and once', (t) => {
  const { ports, heard } = switchOf(4);
  t.is(lab.run(frame, ports[1]!).scratch.copies, 3);
  t.deepEqual(heard(), [[frame], [], [frame], [frame]]);
});

test.serial('a member that is closed is left out and counted, the others get it', (t) => {
  const { ports, heard } = switchOf(4);
  lab.setPort(ports[2]!, { datapath: ports[2]!.datapath, clear: iov_port_flag.IOV_PORT_ENABLED });
  const verdict = lab.run(frame, ports[0]!);
  t.like(verdict, { action: 'flood', reason: 'port_disabled' });
  t.deepEqual(heard(), [[], [frame], [], [frame]]);
  t.is(lab.portDrops(ports[2]!, verdict.scratch.drop), 1n);
});

test.serial('a device that is down costs only its own copy', (t) => {
  const { ports, heard } = switchOf(3);
  ip('link', 'set', 'dev', ports[1]!.name, 'down');
  t.like(lab.run(frame, ports[0]!), { action: 'flood', reason: 'no_memory' });
  t.deepEqual(heard(), [[], [], [frame]]);
});

test.serial('nobody else: empty_group', (t) => {
  const { ports } = switchOf(1);
  t.like(lab.run(frame, ports[0]!), { action: 'drop', reason: 'empty_group' });
});

test.serial('a group that is not configured: empty_group', (t) => {
  lab.addSwitch(++datapaths, { flood: FLOOD });
  t.like(lab.run(frame, lab.addPort({ datapath: datapaths })), { action: 'drop', reason: 'empty_group' });
});

test.serial('unknown unicast goes only to members whose port security allows the MAC', (t) => {
  const { datapath, ports, heard } = switchOf(2);
  const secured = lab.addPort({ datapath, security: ['02:00:00:00:00:05'] });
  const capture = new Capture(secured.peerIfindex);
  lab.addGroup(datapath, UNKNOWN, { local: [...ports, secured].map(({ number }) => number) });
  const unknown = ether({ src: A, dst: '02:00:00:00:00:77', type: 0x88b5 });
  const verdict = lab.run(unknown, ports[0]!);
  t.like(verdict, { action: 'flood', reason: 'portsec_out_mac' });
  t.deepEqual(heard(), [[], [unknown]]);
  t.deepEqual(capture.waiting(), []);
  t.is(lab.portDrops(secured, verdict.scratch.drop), 1n);
  const allowed = ether({ src: A, dst: '02:00:00:00:00:05', type: 0x88b5 });
  lab.run(allowed, ports[0]!);
  t.deepEqual(capture.waiting(), [allowed]);
});

/** Port rows that share one device, so that a switch can have a thousand. */
function manyPorts(count: number, datapath: number, ifindex: number): number[] {
  const flags = iov_port_flag.IOV_PORT_VALID | iov_port_flag.IOV_PORT_ENABLED;
  const numbers = Array.from({ length: count }, (_, i) => 1023 - i);
  for (const number of numbers)
    lab.maps.iov_ports.update(number32(number), iov_portCodec.encode({ ifindex, datapath, flags }));
  return numbers;
}

for (const count of [61, 62, 63, 124, 496, 497, 900]) {
  test.serial(`a group of ${count} other ports`, (t) => {
    const { datapath, ports, heard } = switchOf(2);
    const numbers = manyPorts(count, datapath, ports[1]!.ifindex);
    lab.addGroup(datapath, FLOOD, { local: [...numbers, ports[0]!.number] });
    t.is(lab.run(frame, ports[0]!).scratch.copies, count);
    // A socket's buffer does not hold them all when they are many.
    if (count < 200) t.is(heard()[1]!.length, count);
    for (const number of numbers) t.is(lab.portCounters({ ...ports[0]!, number }).tx_packets, 1n);
    lab.maps.iov_port_counters.clear();
  });
}

test.serial('chunks of another generation are not looked at', (t) => {
  const { datapath, ports, heard } = switchOf(2);
  const numbers = manyPorts(100, datapath, ports[1]!.ifindex);
  lab.addGroup(datapath, FLOOD, { local: numbers });
  // The chunks of the next generation are written first; without their head nothing changes.
  const next = groupRows(datapath, FLOOD, { local: numbers.slice(0, 70) }, 2);
  const [head, ...chunks] = next.filter(([key]) => key.readUInt8(7) === 0).reverse();
  for (const [key, value] of chunks) lab.maps.iov_groups.update(key, value);
  lab.run(frame, ports[0]!);
  t.is(heard()[1]!.length, 100);
  lab.maps.iov_groups.update(...head!);
  lab.run(frame, ports[0]!);
  t.is(heard()[1]!.length, 70);
});

test.serial('the chassis-wide context says how many were reached, and that nothing may remember it', (t) => {
  const { ports } = switchOf(3);
  t.like(lab.run(frame, ports[0]!).scratch, { copies: 2, uncacheable: 1, group: FLOOD, egress_key: FLOOD });
});
