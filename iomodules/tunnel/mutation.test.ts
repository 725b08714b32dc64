import test from 'ava';
import { iov_dest_kind as kind, iov_tunnel_flag as tunnelFlag } from '../gen/abi.js';
import {
  checksum,
  encapsulated,
  ether,
  ip4,
  ip4Bytes,
  ip6,
  ipv4,
  isIp6,
  Lab,
  type Outer,
  outerChecksum,
  udp,
  vethPair,
} from '../testing/index.js';

const A = '02:00:00:00:00:01';
const B = '02:00:00:00:00:02';
const [HERE4, THERE4, HERE6, THERE6] = ['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::2'];

const lab = new Lab();
const under = vethPair();
test.after.always(() => lab.close());
lab.addSwitch(1, { key: 0x123 });
const a = lab.addPort({ key: 7, addresses: [A] });
const b = lab.addPort({ key: 9, addresses: [B] });
const macs = { srcMac: '02:00:00:00:01:02', dstMac: '02:00:00:00:01:01' };
const common = { ...macs, sport: 50000, ingress: 7, egress: 9 };
const outers: Outer[] = [
  { ...common, src: THERE4, dst: HERE4, type: 'vxlan', vni: (9 << 12) | 0x123 },
  { ...common, src: THERE4, dst: HERE4, type: 'geneve', vni: 0x123 },
  { ...common, src: THERE6, dst: HERE6, type: 'vxlan', vni: (9 << 12) | 0x123 },
  { ...common, src: THERE6, dst: HERE6, type: 'geneve', vni: 0x123 },
];
for (const [i, { src, dst, ...outer }] of outers.entries())
  lab.addTunnel(
    i + 1,
    under.ifindex,
    { ...outer, src: dst, dst: src },
    { set: tunnelFlag.IOV_TUNNEL_EITHER },
  );
lab.addTunnelDest(0x123, 9, { kind: kind.IOV_DEST_LOCAL, index: b.number, egress_key: 9 });
const inner = ether(
  { src: A, dst: B, type: 0x0800 },
  ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 17 }, udp(1000, 2000)),
);

/** Of an outer packet, by the RFCs: where the UDP header is, and whether all before it is as a tunnel end wants it. */
interface Network {
  udp: number;
  end: number;
  plain: boolean;
  known: boolean;
  sum: (length: number) => Buffer;
  ecn: number;
}

const pseudo = (addresses: Buffer) => (length: number) => {
  const rest = Buffer.alloc(8);
  rest.writeUInt32BE(length, 0);
  rest[7] = 17;
  return Buffer.concat([addresses, rest]);
};

/** RFC 791. Undefined: not to us, or no UDP header to be seen. */
function network4(packet: Buffer): Network | undefined {
  if (packet.length < 34 || packet[14]! >> 4 !== 4 || packet[23] !== 17) return undefined;
  const header = (packet[14]! & 15) * 4;
  const fragment = packet.readUInt16BE(20);
  if (header < 20 || fragment & 0x1fff || !packet.subarray(30, 34).equals(ip4Bytes(ip4(HERE4))))
    return undefined;
  return {
    udp: 14 + header,
    end: 14 + packet.readUInt16BE(16),
    plain: header === 20 && !(fragment & 0x2000) && checksum(packet.subarray(14, 34)) === 0,
    known: packet.subarray(26, 30).equals(ip4Bytes(ip4(THERE4))),
    sum: pseudo(packet.subarray(26, 34)),
    ecn: packet[15]! & 3,
  };
}

/** RFC 8200. */
function network6(packet: Buffer): Network | undefined {
  if (packet.length < 54 || packet[14]! >> 4 !== 6 || !packet.subarray(38, 54).equals(ip6(HERE6)))
    return undefined;
  let [next, at] = [packet[20]!, 54];
  for (let headers = 0; next !== 17; headers++) {
    if (headers === 7 || ![0, 43, 44, 51, 60].includes(next) || packet.length < at + 8) return undefined;
    if (next === 44 && packet.readUInt16BE(at + 2) >> 3) return undefined;
    const length = next === 44 ? 8 : next === 51 ? (packet[at + 1]! + 2) * 4 : (packet[at + 1]! + 1) * 8;
    [next, at] = [packet[at]!, at + length];
  }
  return {
    udp: at,
    end: 54 + packet.readUInt16BE(18),
    plain: at === 54,
    known: packet.subarray(22, 38).equals(ip6(THERE6)),
    sum: pseudo(packet.subarray(22, 54)),
    ecn: (packet.readUInt16BE(14) >> 4) & 3,
  };
}

/** Is it a tunnel packet to us, and may it be delivered to port 9? */
function judge(packet: Buffer): { ours: boolean; good: boolean } {
  const none = { ours: false, good: false };
  if (packet.length < 14) return none;
  const type = packet.readUInt16BE(12);
  const network = type === 0x0800 ? network4(packet) : type === 0x86dd ? network6(packet) : undefined;
  if (network === undefined || packet.length < network.udp + 8) return none;
  const port = packet.readUInt16BE(network.udp + 2);
  if (port !== 4789 && port !== 6081) return none;
  return { ours: true, good: isGood(packet.subarray(0, network.end), network, port, packet.length) };
}

function isGood(
  packet: Buffer,
  { udp: at, end, plain, known, sum, ecn }: Network,
  port: number,
  length: number,
): boolean {
  const header = port === 4789 ? 8 : 16;
  if (!plain || !known || end > length || end < at + 8 + header + 14) return false;
  const segment = packet.subarray(at);
  if (segment.readUInt16BE(4) !== segment.length) return false;
  const field = segment.readUInt16BE(6);
  // 0: none (RFC 768, RFC 6935); the sum of the pseudo header: a peer on this machine left the rest to the device.
  const left = ~checksum(sum(segment.length)) & 0xffff;
  if (field !== 0 && field !== left && checksum(sum(segment.length), segment) !== 0) return false;
  if (ecn === 3) return false; // what is inside knows no ECN (RFC 6040)
  const tunnel = segment.subarray(8);
  const vni = tunnel.readUInt32BE(4) >>> 8;
  // RFC 7348 5
  if (port === 4789)
    return tunnel.readUInt32BE(0) === 0x08000000 && tunnel[7] === 0 && vni === ((9 << 12) | 0x123);
  // RFC 8926 3.4, 3.5; ovn-architecture(7)
  return (
    tunnel[0] === 2 &&
    !(tunnel[1]! & 0x80) &&
    tunnel.readUInt16BE(2) === 0x6558 &&
    vni === 0x123 &&
    tunnel.readUInt16BE(8) === 0x0102 &&
    tunnel[10] === 0x80 &&
    (tunnel[11]! & 0x1f) === 1 &&
    !(tunnel[12]! & 0x80) &&
    tunnel.readUInt16BE(14) === 9 &&
    tunnel.readUInt16BE(12) !== 9 // it would go back to where it came from
  );
}

/** Numbers below `n` from a seed, the same in every run (Park and Miller). */
function random(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state * 48271) % 0x7fffffff;
    return state % n;
  };
}

type Mutation = (packet: Buffer, outer: Outer, next: (n: number) => number) => Buffer;

const udpAt = (outer: Outer) => (isIp6(outer) ? 54 : 34);
const set = (packet: Buffer, at: number, value: number) => {
  packet[at] = value;
  return packet;
};
const insert = (packet: Buffer, at: number, bytes: Buffer) =>
  Buffer.concat([packet.subarray(0, at), bytes, packet.subarray(at)]);

/** Of the headers alone: what happens to the inner frame is none of the tunnel's business, as long as it has its checksum. */
const mutations: Mutation[] = [
  // The kernel runs no shorter test packets.
  (packet, outer, next) => packet.subarray(0, udpAt(outer) + next(Math.max(1, packet.length - udpAt(outer)))),
  (packet, outer, next) => {
    const at = 12 + next(udpAt(outer) + (outer.type === 'vxlan' ? 16 : 24) - 12);
    return set(packet, at, packet[at]! ^ (1 << next(8)));
  },
  (packet, outer, next) => set(packet, (isIp6(outer) ? 18 : 16) + next(2), next(256)),
  (packet, outer, next) => set(packet, udpAt(outer) + 4 + next(4), next(256)),
  (packet, _outer, next) => set(packet, 14, next(256)),
  (packet, _outer, next) => set(packet, 15, next(256)),
  (packet, outer, next) => set(packet, isIp6(outer) ? 20 : 20 + next(2), next(256)),
  (packet, outer, next) => set(packet, (isIp6(outer) ? 22 : 26) + next(isIp6(outer) ? 32 : 8), next(256)),
  (packet, outer, next) => set(packet, udpAt(outer) + 8 + next(outer.type === 'vxlan' ? 8 : 16), next(256)),
  (packet, outer, next) => {
    if (!isIp6(outer)) return insert(set(packet, 14, 0x46 + next(3)), 34, Buffer.alloc(4 * (1 + next(3)), 1));
    const extension = [0, 43, 44, 51, 60][next(5)]!;
    const bytes = Buffer.from([17, 0, 0, next(2), 0, 0, 0, 0]);
    return insert(set(packet, 20, extension), 54, bytes);
  },
  (packet, _, next) => Buffer.concat([packet, Buffer.alloc(1 + next(20), next(256))]),
  (packet) => packet,
];

test('of 10,000 mutated outer packets none is delivered that should not be, and all that are ours are counted', (t) => {
  const next = random(20261127);
  const outcomes = { drop: 0, pass: 0, redirect: 0, flood: 0, answer: 0 };
  const reasons = new Set<string>();
  for (let round = 0; round < 10_000; round++) {
    const outer = outers[next(4)]!;
    let bytes = encapsulated({ ...outer, checksum: next(2) === 1 }, inner);
    for (let change = next(2); change >= 0; change--)
      bytes = mutations[next(mutations.length)]!(bytes, outer, next);
    // Else hardly anything would get beyond its checksums.
    if (next(2) && !isIp6(outer) && bytes.length >= 34) {
      bytes.writeUInt16BE(0, 24);
      bytes.writeUInt16BE(checksum(bytes.subarray(14, 34)), 24);
    }
    if (next(2) && bytes.length >= udpAt(outer) + 8) {
      bytes.writeUInt16BE(0, udpAt(outer) + 6);
      if (next(2)) bytes.writeUInt16BE(outerChecksum(outer, bytes) || 0xffff, udpAt(outer) + 6);
    }
    const verdict = lab.run(bytes, 'uplink'); // throws when it ends uncounted
    outcomes[verdict.action]++;
    if (verdict.reason) reasons.add(verdict.reason);
    const { ours, good } = judge(bytes);
    const hex = `${round}: ${bytes.toString('hex')}`;
    if (verdict.action === 'redirect') {
      t.true(good, hex);
      t.is(verdict.port, b.number);
      t.true(bytes.includes(verdict.packetOut), hex);
    } else {
      // The inner frame has limits of its own.
      t.false(good && verdict.reason !== 'malformed', `${verdict.action} ${verdict.reason}: ${hex}`);
      t.is(verdict.action, ours ? 'drop' : verdict.action, hex);
    }
  }
  t.log(outcomes, [...reasons].join(' '));
  t.true(outcomes.drop > 3000 && outcomes.redirect > 1000 && outcomes.pass > 100);
  for (const reason of ['malformed', 'source', 'key', 'checksum', 'ecn'])
    t.true(reasons.has(`tunnel_${reason}`), reason);
});

test('what a machine sends to the ports of tunnels is a packet like any other', (t) => {
  lab.addMac(1, '02:00:00:00:00:03', { kind: kind.IOV_DEST_REMOTE, index: 1, egress_key: 3 });
  for (const outer of outers) {
    const forged = encapsulated({ ...outer, srcMac: A, dstMac: B }, inner);
    const local = lab.run(forged, a);
    t.like(local, { action: 'redirect', port: b.number });
    t.deepEqual(local.packetOut, forged);
    const remote = encapsulated({ ...outer, srcMac: A, dstMac: '02:00:00:00:00:03' }, inner);
    const { packetOut, tunnel } = lab.run(remote, a);
    t.is(tunnel, 1);
    t.deepEqual(packetOut.subarray(50), remote);
  }
});
