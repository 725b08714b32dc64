import test from 'ava';
import { iov_port_flag, iov_dest_kind as kind } from '../gen/abi.js';
import {
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
    const client = machine.start(`
    const send = (type, host) => new Promise((done) => {
      const socket = require('dgram').createSocket(type);
      let left = 3;
      const again = () => socket.send(Buffer.alloc(4000), 9, host, () => left-- ? setTimeout(again, 50) : done(socket.close()));
      again();
    });
    send('udp4', '10.0.0.2').then(() => send('udp6', 'fd00::2')).then(() => console.log('sent'));`);
    t.is((await client.next()).value, 'sent');
    t.regex(machine.ip('route', 'get', '10.0.0.2'), /mtu 1442/);
    t.regex(machine.ip('-6', 'route', 'get', 'fd00::2'), /mtu 1442/);
    machine.ip('route', 'flush', 'cache');
    machine.ip('-6', 'route', 'flush', 'cache');
  },
);
