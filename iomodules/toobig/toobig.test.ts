import test from 'ava';
import { iov_port_flag, iov_dest_kind as kind } from '../gen/abi.js';
import {
  Capture,
  checksum,
  echo,
  ether,
  icmp6,
  icmp6Checksum,
  ip,
  ipv4,
  ipv6,
  Lab,
  Machine,
  type Outer,
  tcp,
  udp,
  vethPair,
} from '../testing/index.js';

const A = '02:00:00:00:00:01';
const REMOTE = '02:00:00:00:00:02';
const outer: Outer = {
  type: 'geneve',
  srcMac: '02:00:00:00:01:01',
  dstMac: '02:00:00:00:01:02',
  src: '192.0.2.1',
  dst: '192.0.2.2',
};
const lab = new Lab();
const under = vethPair();
// A copy that fits its tunnel leaves.
for (const device of [under.name, under.peer]) ip('link', 'set', 'dev', device, 'mtu', '9000');
test.after.always(() => lab.close());
lab.addSwitch(1, { key: 5, flood: 0x8000 });
const a = lab.addPort({ key: 7, addresses: [A] });
lab.addTunnel(1, under.ifindex, outer);
lab.addTunnel(2, under.ifindex, { ...outer, src: '2001:db8::1', dst: '2001:db8::2' });
const leadTo = (index: number) => lab.addMac(1, REMOTE, { kind: kind.IOV_DEST_REMOTE, index, egress_key: 9 });
leadTo(1);
lab.addGroup(1, 0x8000, { remote: [1] });

const data = Buffer.from(Array.from({ length: 1450 }, (_, i) => (i * 31) & 0xff));
const frame4 = (
  proto: number,
  l4: Buffer,
  a: { src?: string; dst?: string; mac?: string; fragment?: number } = {},
) =>
  ether(
    { src: A, dst: a.mac ?? REMOTE, type: 0x0800 },
    ipv4({ src: a.src ?? '10.0.0.1', dst: a.dst ?? '10.0.0.2', proto, fragment: a.fragment }, l4),
  );
const frame6 = (next: number, l4: Buffer, src = 'fd00::1') =>
  ether({ src: A, dst: REMOTE, type: 0x86dd }, ipv6({ src, dst: 'fd00::2', next }, l4));

for (const [tunnel, mtu] of [
  [1, 1500 - 58],
  [2, 1500 - 78],
] as const) {
  test.serial(`IPv4 learns the MTU ${mtu} (RFC 1191)`, (t) => {
    leadTo(tunnel);
    for (const [proto, l4] of [
      [6, tcp(1, 2, data)],
      [17, udp(1, 2, data)],
      [1, Buffer.concat([echo(), data])],
    ] as const) {
      const frame = frame4(proto, l4);
      const verdict = lab.run(frame, a);
      t.like(verdict, { action: 'answer', port: a.number, reason: 'tunnel_mtu' });
      const bytes = verdict.packetOut;
      t.is(bytes.length, 14 + 576);
      t.deepEqual(bytes.subarray(0, 12), Buffer.concat([frame.subarray(6, 12), frame.subarray(0, 6)]));
      t.is(checksum(bytes.subarray(14, 34)), 0);
      t.is(bytes.readUInt16BE(16), 576);
      t.is(bytes[23], 1);
      t.deepEqual(bytes.subarray(26, 34), Buffer.concat([frame.subarray(30, 34), frame.subarray(26, 30)]));
      t.deepEqual([...bytes.subarray(34, 36)], [3, 4]);
      t.is(bytes.readUInt32BE(38), mtu);
      t.is(checksum(bytes.subarray(34)), 0);
      t.deepEqual(bytes.subarray(42), frame.subarray(14, 14 + 548));
    }
    t.is(
      lab.run(frame4(17, udp(1, 2, Buffer.alloc(mtu - 28))), a).action,
      'redirect',
      'what it says does fit',
    );
    t.is(lab.run(frame4(17, udp(1, 2, Buffer.alloc(mtu - 27))), a).action, 'answer');
  });

  test.serial(`IPv6 learns the MTU ${mtu} (RFC 8201)`, (t) => {
    leadTo(tunnel);
    for (const frame of [
      frame6(6, tcp(1, 2, data)),
      frame6(17, udp(1, 2, data)),
      ether(
        { src: A, dst: REMOTE, type: 0x86dd },
        icmp6({ src: 'fd00::1', dst: 'fd00::2', type: 128 }, data),
      ),
    ]) {
      const { packetOut: bytes, ...verdict } = lab.run(frame, a);
      t.like(verdict, { action: 'answer', port: a.number, reason: 'tunnel_mtu' });
      t.is(bytes.length, 14 + 1280);
      t.deepEqual(bytes.subarray(0, 12), Buffer.concat([frame.subarray(6, 12), frame.subarray(0, 6)]));
      t.deepEqual([bytes.readUInt16BE(18), bytes[20], bytes[21]], [1240, 58, 255]);
      const [src, dst] = [bytes.subarray(22, 38), bytes.subarray(38, 54)];
      t.deepEqual([src, dst], [frame.subarray(38, 54), frame.subarray(22, 38)]);
      t.deepEqual([...bytes.subarray(54, 56)], [2, 0]);
      t.is(bytes.readUInt32BE(58), mtu);
      t.is(icmp6Checksum(src, dst, bytes.subarray(54)), 0);
      t.deepEqual(bytes.subarray(62), frame.subarray(14, 14 + 1232));
    }
  });
}

const unreachable = Buffer.concat([Buffer.from([3, 1, 0, 0, 0, 0, 0, 0]), data]);
const unanswered: [string, Buffer][] = [
  ['a later fragment', frame4(17, data, { fragment: 0x2010 })],
  ['an ICMP error', frame4(1, unreachable)],
  ['an ICMPv6 error', frame6(58, Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]), data]))],
  ['IPv4 from nowhere', frame4(17, udp(1, 2, data), { src: '0.0.0.0' })],
  ['IPv4 from a group', frame4(17, udp(1, 2, data), { src: '224.0.0.1' })],
  ['IPv4 to a group', frame4(17, udp(1, 2, data), { dst: '224.0.0.1' })],
  ['IPv6 from nowhere', frame6(17, udp(1, 2, data), '::')],
  ['a broadcast', frame4(17, udp(1, 2, data), { mac: 'ff:ff:ff:ff:ff:ff' })],
  ['another ethertype', ether({ src: A, dst: REMOTE, type: 0x88b5 }, data)],
];
for (const [what, frame] of unanswered) {
  test.serial(`not answered, but counted: ${what}`, (t) => {
    leadTo(1);
    t.like(lab.run(frame, a), { action: 'drop', reason: 'tunnel_mtu' });
  });
}

/** A MAC that no port has, behind as many tunnels: vxlan with 1500, geneve with 1400 over IPv4, geneve with 1500 over IPv6. */
const UNKNOWN = '02:00:00:00:00:77';
const SEVERAL = '02:00:00:00:00:78';
lab.addTunnel(3, under.ifindex, { ...outer, type: 'vxlan', dst: '192.0.2.3' }, { mtu: 2000 });
lab.addTunnel(4, under.ifindex, { ...outer, dst: '192.0.2.4' }, { mtu: 1400 });
lab.addTunnel(5, under.ifindex, { ...outer, src: '2001:db8::1', dst: '2001:db8::5' }, { mtu: 9000 });
lab.addSwitch(2, { key: 6, flood: 0x8000, unknown: 0x8001 });
const d = lab.addPort({ key: 17, datapath: 2, addresses: [A] });
lab.addMac(2, SEVERAL, { kind: kind.IOV_DEST_GROUP, index: 2, egress_key: 99 });

/** All of them with one that the packet does not fit: tunnel 4. */
const floods = [[4], [3, 4], [4, 5], [5, 4, 3, 1]];
for (const tunnels of floods) {
  for (const to of [UNKNOWN, SEVERAL]) {
    test.serial(`a flood into tunnels ${tunnels} to ${to}: one answer, of the least`, (t) => {
      lab.addGroup(2, to === UNKNOWN ? 0x8001 : 99, { remote: tunnels });
      const mtu = 1400 - 58;
      for (const frame of [frame4(17, udp(1, 2, data), { mac: to }), to6(frame6(17, udp(1, 2, data)), to)]) {
        const verdict = lab.run(frame, d);
        t.like(verdict, { action: 'answer', port: d.number, reason: 'tunnel_mtu', scratch: { copies: 0 } });
        const bytes = verdict.packetOut;
        const six = frame.readUInt16BE(12) === 0x86dd;
        t.deepEqual(bytes.subarray(0, 14), swapped(frame));
        t.is(bytes.length, 14 + (six ? 1280 : 576));
        if (six) {
          t.is(bytes.readUInt32BE(58), mtu);
          t.is(icmp6Checksum(bytes.subarray(22, 38), bytes.subarray(38, 54), bytes.subarray(54)), 0);
          t.deepEqual(bytes.subarray(62), frame.subarray(14, 14 + 1232));
        } else {
          t.is(bytes.readUInt32BE(38), mtu);
          t.is(checksum(bytes.subarray(14, 34)), 0);
          t.is(checksum(bytes.subarray(34)), 0);
          t.deepEqual(bytes.subarray(42), frame.subarray(14, 14 + 548));
        }
      }
      const fitting = frame4(17, udp(1, 2, Buffer.alloc(mtu - 28)), { mac: to });
      t.like(lab.run(fitting, d), { action: 'flood', scratch: { copies: tunnels.length, drop: 0 } });
    });
  }
}

test.serial('a flood that nobody may be told of reaches where it fits', (t) => {
  for (const group of [0x8000, 0x8001]) lab.addGroup(2, group, { remote: [3, 4, 5] });
  const frames = [
    ...['ff:ff:ff:ff:ff:ff', '01:00:5e:01:02:03'].map((mac) =>
      frame4(17, udp(1, 2, data), { mac, dst: '239.1.2.3' }),
    ),
    frame4(1, unreachable, { mac: UNKNOWN }),
    frame4(17, data, { mac: UNKNOWN, fragment: 0x2010 }),
    ether({ src: A, dst: UNKNOWN, type: 0x88b5 }, data),
  ];
  for (const frame of frames)
    t.like(lab.run(frame, d), { action: 'flood', reason: 'tunnel_mtu', scratch: { copies: 2 } });
});

test.serial('a flood is counted once, at the narrowest of the tunnels', (t) => {
  lab.addGroup(2, 0x8001, { remote: [1, 3, 4] });
  const before = [1, 3, 4].map((tunnel) => lab.tunnelCounters(tunnel).tx_drops);
  t.is(lab.run(frame4(17, udp(1, 2, data), { mac: UNKNOWN }), d).action, 'answer');
  const after = [1, 3, 4].map((tunnel) => lab.tunnelCounters(tunnel).tx_drops);
  t.deepEqual(
    after.map((drops, index) => drops - before[index]!),
    [0n, 0n, 1n],
  );
});

test.serial('among a thousand and more tunnels, one that it does not fit', (t) => {
  const remote = Array.from({ length: 1100 }, (_, index) => 100 + index);
  for (const number of remote)
    lab.addTunnel(
      number,
      under.ifindex,
      { ...outer, dst: `198.18.${number >> 8}.${number & 255}` },
      { mtu: 9000 },
    );
  lab.addGroup(2, 0x8001, { remote });
  const frame = frame4(17, udp(1, 2, data), { mac: UNKNOWN });
  t.is(lab.run(frame, d).action, 'flood');
  lab.addGroup(2, 0x8001, { remote: [...remote, 4] });
  t.like(lab.run(frame, d), { action: 'answer', scratch: { copies: 0 } });
});

/** A script that sends large datagrams to each address, and says so. */
function sendTo(...hosts: string[]): string {
  return `
    const send = (type, host) => new Promise((done) => {
      const socket = require('dgram').createSocket(type);
      let left = 3;
      const again = () => socket.send(Buffer.alloc(4000), 9, host, () => left-- ? setTimeout(again, 50) : done(socket.close()));
      again();
    });
    (async () => {
      for (const host of ${JSON.stringify(hosts)}) await send(host.includes(':') ? 'udp6' : 'udp4', host);
      console.log('sent');
    })();`;
}

/** MACs and type of the answer to a frame. */
function swapped(frame: Buffer): Buffer {
  return Buffer.concat([frame.subarray(6, 12), frame.subarray(0, 6), frame.subarray(12, 14)]);
}

function to6(frame: Buffer, mac: string): Buffer {
  return Buffer.concat([Buffer.from(mac.replaceAll(':', ''), 'hex'), frame.subarray(6)]);
}

test.serial(
  'of a machine that offloads checksums and segmentation, every size passes or is answered',
  async (t) => {
    const port = lab.addPort({
      key: 8,
      addresses: ['02:00:00:00:00:08 10.0.0.8 fd00::8'],
      set: iov_port_flag.IOV_PORT_PEER,
    });
    leadTo(1);
    for (const address of ['10.0.0.2', 'fd00::2']) lab.addNeighbour(1, address, REMOTE, 9);
    ip('link', 'set', 'dev', port.name, 'mtu', '9000');
    lab.attach(port);
    const machine = new Machine(port.peer, '02:00:00:00:00:08', ['10.0.0.8/24', 'fd00::8/64'], 9000);
    t.teardown(() => machine.close());
    const client = machine.start(sendTo('10.0.0.2', 'fd00::2'));
    t.is((await client.next()).value, 'sent');
    t.regex(machine.ip('route', 'get', '10.0.0.2'), /mtu 1442/);
    t.regex(machine.ip('-6', 'route', 'get', 'fd00::2'), /mtu 1442/);
    machine.ip('route', 'flush', 'cache');
    machine.ip('-6', 'route', 'flush', 'cache');
  },
);

test.serial('of such a machine, floods are answered, too', async (t) => {
  const port = lab.addPort({ key: 18, datapath: 2 });
  ip('link', 'set', 'dev', port.name, 'mtu', '9000');
  lab.addTunnel(3, under.ifindex, { ...outer, type: 'vxlan', dst: '192.0.2.3' }, { mtu: 9000 });
  lab.addGroup(2, 0x8001, { remote: [3, 4, 5] });
  lab.attach(port);
  const machine = new Machine(port.peer, '02:00:00:00:00:08', ['10.0.0.8/24', 'fd00::8/64'], 9000);
  t.teardown(() => machine.close());
  for (const address of ['10.0.0.2', 'fd00::2'])
    machine.ip('neighbour', 'add', address, 'lladdr', UNKNOWN, 'dev', 'eth0');
  const client = machine.start(sendTo('10.0.0.2', 'fd00::2'));
  t.is((await client.next()).value, 'sent');
  t.regex(machine.ip('route', 'get', '10.0.0.2'), /mtu 1342/);
  t.regex(machine.ip('-6', 'route', 'get', 'fd00::2'), /mtu 1342/);
});

test.serial('a tag that the kernel holds beside the frame is that of the answer', (t) => {
  const port = lab.addPort({ key: 19, datapath: 2, set: iov_port_flag.IOV_PORT_VLAN_PASSTHRU });
  for (const device of [port.name, port.peer]) ip('link', 'set', 'dev', device, 'mtu', '9000');
  lab.attach(port);
  const machine = new Capture(port.peerIfindex);
  t.teardown(() => machine.close());
  for (const remote of [[4], [3, 4], [3, 4, 5]]) {
    lab.addGroup(2, 0x8001, { remote });
    for (const [frame, at] of [
      [frame4(17, udp(1, 2, data), { mac: UNKNOWN }), 42],
      [to6(frame6(17, udp(1, 2, data)), UNKNOWN), 62],
    ] as const) {
      const tag = Buffer.from('81006007', 'hex');
      const tagged = (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 12), tag, bytes.subarray(12)]);
      machine.send(tagged(frame));
      const answer = machine.next()!;
      t.deepEqual(answer.subarray(0, 18), tagged(swapped(frame)));
      t.is(answer.readUInt32BE(at), 1400 - 58 - 4);
      t.deepEqual(answer.subarray(at + 4), frame.subarray(14, 14 + answer.length - at - 4));
    }
  }
});
