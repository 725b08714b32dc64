import test from 'ava';
import { iov_tunnel_flag as flag, iov_dest_kind as kind } from '../gen/abi.js';
import {
  arp,
  Capture,
  checksum,
  echo,
  encapsulated,
  ether,
  icmp6,
  ip,
  ip4,
  ip4Bytes,
  ip6,
  ipv4,
  ipv6,
  isIp6,
  Lab,
  type Outer,
  outerChecksum,
  padExtension,
  tcp,
  udp,
  vethPair,
} from '../testing/index.js';

const A = '02:00:00:00:00:01';
const REMOTE = '02:00:00:00:00:02';

const lab = new Lab();
const under = vethPair();
for (const device of [under.name, under.peer]) ip('link', 'set', 'dev', device, 'mtu', '9000');
const wire = new Capture(under.peerIfindex);
test.after.always(() => lab.close());

const macs = { srcMac: '02:00:00:00:01:01', dstMac: '02:00:00:00:01:02' };
const over4 = { ...macs, src: '192.0.2.1', dst: '192.0.2.2' };
const over6 = { ...macs, src: '2001:db8::1', dst: '2001:db8::2' };
const outers: Outer[] = [
  { ...over4, type: 'vxlan' },
  { ...over4, type: 'geneve' },
  { ...over6, type: 'vxlan' },
  { ...over6, type: 'geneve' },
];
lab.addSwitch(1, { key: 0x123, flood: 0x8000 });
const a = lab.addPort({ key: 7, addresses: [A], set: 1 << 7 /* VLAN_PASSTHRU */ });
for (const [i, outer] of outers.entries())
  lab.addTunnel(i + 1, under.ifindex, outer, { set: flag.IOV_TUNNEL_CSUM, mtu: 9100 });

/** A TCP or UDP segment with its checksum. */
function summed(src: string, dst: string, proto: number, segment: Buffer): Buffer {
  const bytes = (address: string) => (address.includes(':') ? ip6(address) : ip4Bytes(ip4(address)));
  const pseudo = Buffer.alloc(8);
  pseudo.writeUInt32BE(segment.length, 0);
  pseudo[7] = proto;
  const whole = Buffer.from(segment);
  whole.writeUInt16BE(checksum(bytes(src), bytes(dst), pseudo, segment) || 0xffff, proto === 6 ? 16 : 6);
  return whole;
}
const payload = Buffer.from(Array.from({ length: 1401 }, (_, i) => (i * 37) & 0xff));
const [src4, dst4, src6, dst6] = ['10.0.0.1', '10.0.0.2', 'fd00::1', 'fd00::2'];
const frame4 = (packet: Buffer, vlan?: number) => ether({ src: A, dst: REMOTE, type: 0x0800, vlan }, packet);
const frame6 = (packet: Buffer) => ether({ src: A, dst: REMOTE, type: 0x86dd }, packet);
const udp4 = (data: Buffer) =>
  ipv4({ src: src4, dst: dst4, proto: 17 }, summed(src4, dst4, 17, udp(1, 2, data)));
const frames: [string, Buffer][] = [
  ['TCP', frame4(ipv4({ src: src4, dst: dst4, proto: 6 }, summed(src4, dst4, 6, tcp(1, 2, payload))))],
  ['UDP of an odd length', frame4(udp4(payload.subarray(0, 333)))],
  ['UDP without a checksum', frame4(ipv4({ src: src4, dst: dst4, proto: 17 }, udp(1, 2, payload)))],
  ['tagged UDP', frame4(udp4(payload), 5)],
  ['UDP in padding', Buffer.concat([frame4(udp4(payload.subarray(0, 3))), Buffer.from([1, 2, 3, 4, 5])])],
  [
    'UDP behind IPv4 options',
    frame4(
      ipv4(
        { src: src4, dst: dst4, proto: 17, options: Buffer.from([1, 1, 1, 0]) },
        summed(src4, dst4, 17, udp(1, 2, payload)),
      ),
    ),
  ],
  ['ICMP', frame4(ipv4({ src: src4, dst: dst4, proto: 1 }, echo()))],
  ['a fragment', frame4(ipv4({ src: src4, dst: dst4, proto: 17, fragment: 0x2000 }, udp(1, 2, payload)))],
  ['a later fragment', frame4(ipv4({ src: src4, dst: dst4, proto: 6, fragment: 100 }, payload))],
  ['another protocol', frame4(ipv4({ src: src4, dst: dst4, proto: 50 }, payload))],
  ['ARP', ether({ src: A, dst: REMOTE, type: 0x0806 }, arp({ op: 2, sha: A, spa: src4, tpa: dst4 }))],
  ['an unknown ethertype', ether({ src: A, dst: REMOTE, type: 0x88b5 }, payload)],
  [
    'TCP over IPv6',
    frame6(ipv6({ src: src6, dst: dst6, next: 6 }, summed(src6, dst6, 6, tcp(1, 2, payload)))),
  ],
  ['UDP over IPv6', frame6(ipv6({ src: src6, dst: dst6, next: 17 }, summed(src6, dst6, 17, udp(1, 2))))],
  ['ICMPv6', frame6(icmp6({ src: src6, dst: dst6, type: 128, hops: 64 }, payload))],
  [
    'UDP behind an extension header',
    frame6(
      ipv6({ src: src6, dst: dst6, next: 60 }, padExtension(17, summed(src6, dst6, 17, udp(1, 2, payload)))),
    ),
  ],
  ...[497, 498, 499, 512, 1010, 3000].map((length): [string, Buffer] => [
    `a frame of ${length} bytes behind its header`,
    ether({ src: A, dst: REMOTE, type: 0x88b5 }, Buffer.alloc(length, 0xa7)),
  ]),
];

const field = (outer: Outer, packet: Buffer) => packet.readUInt16BE(isIp6(outer) ? 60 : 40);

for (const [i, outer] of outers.entries()) {
  const where = `${outer.type} over IPv${isIp6(outer) ? 6 : 4}`;
  for (const [what, frame] of frames) {
    test.serial(`${where}: the UDP checksum is right around ${what}`, (t) => {
      lab.addMac(1, REMOTE, { kind: kind.IOV_DEST_REMOTE, index: i + 1, egress_key: 9 });
      const { packetOut, tunnel } = lab.run(frame, a);
      t.is(tunnel, i + 1);
      t.not(field(outer, packetOut), 0);
      t.is(outerChecksum(outer, packetOut), 0);
      const sport = packetOut.readUInt16BE(isIp6(outer) ? 54 : 34);
      const vni = outer.type === 'vxlan' ? (9 << 12) | 0x123 : 0x123;
      t.deepEqual(
        packetOut,
        encapsulated({ ...outer, sport, vni, ingress: 7, egress: 9, checksum: true }, frame),
      );
    });
  }
  test.serial(
    `${where}: a finished checksum inside or one that is left to the device, the outer one is the same`,
    (t) => {
      lab.addMac(1, REMOTE, { kind: kind.IOV_DEST_REMOTE, index: i + 1, egress_key: 9 });
      const whole = frames[0]![1];
      const partial = Buffer.from(whole);
      partial.writeUInt16BE(0x1234, 14 + 20 + 16);
      t.is(field(outer, lab.run(partial, a).packetOut), field(outer, lab.run(whole, a).packetOut));
    },
  );
}

test.serial('SCTP whose CRC is left to the device gets no outer checksum', (t) => {
  lab.addMac(1, REMOTE, { kind: kind.IOV_DEST_REMOTE, index: 2, egress_key: 9 });
  const sctp = (crc: number) => {
    const bytes = Buffer.alloc(40, 5);
    bytes.writeUInt32BE(crc, 8);
    return frame4(ipv4({ src: src4, dst: dst4, proto: 132 }, bytes));
  };
  t.is(field(outers[1]!, lab.run(sctp(0), a).packetOut), 0);
  t.is(outerChecksum(outers[1]!, lab.run(sctp(7), a).packetOut), 0);
});

test.serial('IPv4 tunnels that do not want one have none, IPv6 ones always do', (t) => {
  for (const [i, outer] of outers.entries()) {
    lab.addTunnel(10 + i, under.ifindex, outer);
    lab.addMac(1, REMOTE, { kind: kind.IOV_DEST_REMOTE, index: 10 + i, egress_key: 9 });
    const { packetOut } = lab.run(frames[1]![1], a);
    t.is(field(outer, packetOut) !== 0, isIp6(outer));
  }
});

for (const what of ['ARP', 'TCP', 'UDP without a checksum', 'tagged UDP', 'TCP over IPv6']) {
  test.serial(`a flood of ${what} over all kinds of tunnels, each with its header and checksum`, (t) => {
    const frame = Buffer.from(frames.find(([name]) => name === what)![1]);
    frame.fill(0xff, 0, 6);
    for (const [i, outer] of outers.entries())
      lab.addTunnel(i + 1, under.ifindex, outer, { set: flag.IOV_TUNNEL_CSUM, mtu: 9000 });
    lab.addGroup(1, 0x8000, { remote: [4, 2, 3, 1, 3] });
    wire.waiting();
    t.like(lab.run(frame, a), { action: 'flood', scratch: { copies: 5 } });
    const heard = wire.waiting();
    const sport = heard[0]!.readUInt16BE(34);
    const keys = (type: Outer['type']) =>
      type === 'vxlan' ? { vni: (0x800 << 12) | 0x123 } : { vni: 0x123, ingress: 7, egress: 0x8000 };
    t.deepEqual(
      heard,
      [0, 1, 2, 2, 3].map((i) =>
        encapsulated({ ...outers[i]!, ...keys(outers[i]!.type), sport, checksum: true }, frame),
      ),
    );
  });
}

test.serial('ECN is copied to the outer header, DSCP where the tunnel inherits it', (t) => {
  for (const [i, outer] of outers.entries())
    for (const inherit of [0, flag.IOV_TUNNEL_TOS_INHERIT])
      for (const frame of [frames[1]![1], frames[13]![1]]) {
        lab.addTunnel(20 + i, under.ifindex, outer, { set: inherit });
        lab.addMac(1, REMOTE, { kind: kind.IOV_DEST_REMOTE, index: 20 + i, egress_key: 9 });
        const marked = Buffer.from(frame);
        const tos = 0xba; // EF, ECT(0)
        if (frame.readUInt16BE(12) === 0x0800) {
          marked[15] = tos;
          marked.writeUInt16BE(0, 24);
          marked.writeUInt16BE(checksum(marked.subarray(14, 34)), 24);
        } else {
          marked.writeUInt16BE(0x6000 | (tos << 4), 14);
        }
        const { packetOut } = lab.run(marked, a);
        const outerTos = isIp6(outer) ? (packetOut.readUInt16BE(14) >> 4) & 0xff : packetOut[15];
        t.is(outerTos, inherit ? tos : 2);
        if (!isIp6(outer)) t.is(checksum(packetOut.subarray(14, 34)), 0);
        if (isIp6(outer)) t.is(outerChecksum(outer, packetOut), 0);
      }
});

// The other direction: we are the ends that the packets above go to.
const peer = new Lab();
test.after.always(() => peer.close());
peer.addSwitch(1, { key: 0x123 });
const b = peer.addPort({ key: 9, addresses: [REMOTE] });
for (const [i, outer] of outers.entries())
  peer.addTunnel(
    i + 1,
    under.ifindex,
    { ...outer, src: outer.dst, dst: outer.src },
    { set: flag.IOV_TUNNEL_EITHER },
  );
peer.addTunnelDest(0x123, 9, { kind: kind.IOV_DEST_LOCAL, index: b.number, egress_key: 9 });

for (const outer of outers) {
  const keys = {
    vni: outer.type === 'vxlan' ? (9 << 12) | 0x123 : 0x123,
    ingress: 7,
    egress: 9,
    sport: 50000,
  };
  const where = `${outer.type} over IPv${isIp6(outer) ? 6 : 4}`;
  test.serial(`${where}: frames come out as they went in, with a checksum and without`, (t) => {
    for (const [what, frame] of frames) {
      for (const sum of [true, false]) {
        const verdict = peer.run(encapsulated({ ...outer, ...keys, checksum: sum }, frame), 'uplink');
        t.like(verdict, { action: 'redirect', port: b.number }, what);
        const padded = Buffer.concat([frame, Buffer.alloc(Math.max(0, 60 - frame.length))]);
        t.true(verdict.packetOut.equals(frame) || verdict.packetOut.equals(padded), what);
      }
    }
  });
  test.serial(`${where}: a wrong checksum is refused and counted at the tunnel`, (t) => {
    const packet = encapsulated({ ...outer, ...keys, checksum: true }, frames[0]![1]);
    packet[packet.length - 1]! ^= 1;
    const number = outers.indexOf(outer) % 2 ? outers.indexOf(outer) : outers.indexOf(outer) + 1;
    const before = [number, number + 1].map((tunnel) => peer.tunnelCounters(tunnel).rx_drops);
    t.like(peer.run(packet, 'uplink'), { action: 'drop', reason: 'tunnel_checksum' });
    const after = [number, number + 1].map((tunnel) => peer.tunnelCounters(tunnel).rx_drops);
    t.is(
      after.reduce((sum, n) => sum + n, 0n),
      before.reduce((sum, n) => sum + n, 0n) + 1n,
    );
  });
  test.serial(`${where}: what a peer on this machine leaves to the device is no wrong checksum`, (t) => {
    const packet = encapsulated({ ...outer, ...keys }, frames[0]![1]);
    const at = isIp6(outer) ? 54 : 34;
    const bytes = (address: string) => (address.includes(':') ? ip6(address) : ip4Bytes(ip4(address)));
    const pseudo = Buffer.alloc(8);
    pseudo.writeUInt32BE(packet.length - at, 0);
    pseudo[7] = 17;
    packet.writeUInt16BE(~checksum(bytes(outer.src), bytes(outer.dst), pseudo) & 0xffff, at + 6);
    t.like(peer.run(packet, 'uplink'), { action: 'redirect', port: b.number });
  });
  test.serial(`${where}: congestion on the way is marked inside, or the packet goes`, (t) => {
    for (const [frame, family] of [
      [frames[1]![1], 4],
      [frames[13]![1], 6],
    ] as const)
      for (const inner of [0, 1, 2, 3]) {
        const marked = Buffer.from(frame);
        const expected = Buffer.from(frame);
        for (const [bytes, ecn] of [
          [marked, inner],
          [expected, 3],
        ] as const)
          if (family === 4) {
            bytes[15] = ecn;
            bytes.writeUInt16BE(0, 24);
            bytes.writeUInt16BE(checksum(bytes.subarray(14, 34)), 24);
          } else bytes.writeUInt16BE(0x6000 | (ecn << 4), 14);
        const verdict = peer.run(encapsulated({ ...outer, ...keys, tos: 3 }, marked), 'uplink');
        if (inner === 0) t.like(verdict, { action: 'drop', reason: 'tunnel_ecn' });
        else t.deepEqual(verdict.packetOut, expected);
        t.deepEqual(
          peer.run(encapsulated({ ...outer, ...keys, tos: 1 }, marked), 'uplink').packetOut,
          marked,
        );
      }
    t.is(
      peer.run(encapsulated({ ...outer, ...keys, tos: 3 }, frames[10]![1]), 'uplink').port,
      b.number,
      'ARP',
    );
  });
}

test.serial('the tunnel counts drops, and when it last heard of the other chassis', (t) => {
  const outer: Outer = { ...outers[0]!, vni: (9 << 12) | 0x123, sport: 50000 };
  const tunnel = peer.maps.iov_tunnel_sources; // both tunnels over IPv4 have one source: the last one written is counted
  t.truthy(tunnel);
  const before = peer.tunnelCounters(2);
  peer.run(encapsulated({ ...outer, vni: (8 << 12) | 0x123 }, frames[1]![1]), 'uplink');
  t.is(peer.tunnelCounters(2).rx_drops, before.rx_drops + 1n);
  t.is(peer.tunnelCounters(2).rx_packets, before.rx_packets);
  peer.run(encapsulated(outer, frames[1]![1]), 'uplink');
  t.is(peer.tunnelCounters(2).rx_packets, before.rx_packets + 1n);
  t.true(peer.tunnelCounters(2).last_rx > 0n);
  const sent = lab.tunnelCounters(99);
  lab.addTunnel(99, under.ifindex, outers[0]!, { clear: flag.IOV_TUNNEL_VALID });
  lab.addMac(1, REMOTE, { kind: kind.IOV_DEST_REMOTE, index: 99, egress_key: 9 });
  lab.run(frames[1]![1], a);
  t.is(lab.tunnelCounters(99).tx_drops, sent.tx_drops + 1n);
});
