import { ip4, ip4Bytes, ip6, mac } from './address.js';
import { checksum, icmp6Checksum } from './checksum.js';

const u16 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [i, value] of values.entries()) bytes.writeUInt16BE(value, i * 2);
  return bytes;
};

/** An Ethernet frame; `vlan` puts an 802.1Q tag (or another `tpid`) into it. */
export function ether(
  header: { src: string; dst: string; type: number; vlan?: number; tpid?: number },
  payload: Buffer = Buffer.alloc(46),
): Buffer {
  const tag = header.vlan === undefined ? [] : [u16(header.tpid ?? 0x8100, header.vlan)];
  return Buffer.concat([mac(header.dst), mac(header.src), ...tag, u16(header.type), payload]);
}

/** RFC 826 for IPv4 over Ethernet. `op`: 1 request, 2 reply. */
export function arp(a: { op?: number; sha: string; spa: string; tha?: string; tpa: string }): Buffer {
  return Buffer.concat([
    u16(1, 0x0800, 0x0604, a.op ?? 1),
    mac(a.sha),
    ip4Bytes(ip4(a.spa)),
    mac(a.tha ?? '00:00:00:00:00:00'),
    ip4Bytes(ip4(a.tpa)),
  ]);
}

/** An IPv4 packet; `fragment` is the word of flags and offset, `options` a multiple of 4 bytes. */
export function ipv4(
  header: { src: string; dst: string; proto: number; ttl?: number; fragment?: number; options?: Buffer },
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const options = header.options ?? Buffer.alloc(0);
  const ip = Buffer.concat([
    Buffer.from([0x45 + options.length / 4, 0]),
    u16(20 + options.length + payload.length, 0x1234, header.fragment ?? 0),
    Buffer.from([header.ttl ?? 64, header.proto, 0, 0]),
    ip4Bytes(ip4(header.src)),
    ip4Bytes(ip4(header.dst)),
    options,
  ]);
  ip.writeUInt16BE(checksum(ip), 10);
  return Buffer.concat([ip, payload]);
}

export function ipv6(
  header: { src: string; dst: string; next: number; hops?: number },
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  return Buffer.concat([
    Buffer.from([0x60, 0, 0, 0]),
    u16(payload.length),
    Buffer.from([header.next, header.hops ?? 64]),
    ip6(header.src),
    ip6(header.dst),
    payload,
  ]);
}

/** Without a checksum, which IPv4 allows and no module looks at. */
export function udp(sport: number, dport: number, payload: Buffer = Buffer.alloc(18)): Buffer {
  return Buffer.concat([u16(sport, dport, 8 + payload.length, 0), payload]);
}

/** A TCP segment without options. */
export function tcp(sport: number, dport: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt16BE(sport, 0);
  header.writeUInt16BE(dport, 2);
  header.writeUInt16BE(0x5010, 12);
  return Buffer.concat([header, payload]);
}

/** ICMP echo request. */
export function echo(sequence = 1): Buffer {
  const packet = Buffer.concat([u16(0x0800, 0, 1, sequence), Buffer.alloc(24, 0x61)]);
  packet.writeUInt16BE(checksum(packet), 2);
  return packet;
}

/** An ICMPv6 message in its IPv6 packet, with checksum. */
export function icmp6(
  a: { src: string; dst: string; type: number; code?: number; hops?: number },
  body: Buffer = Buffer.alloc(4),
): Buffer {
  const message = Buffer.concat([Buffer.from([a.type, a.code ?? 0, 0, 0]), body]);
  message.writeUInt16BE(icmp6Checksum(ip6(a.src), ip6(a.dst), message), 2);
  return ipv6({ src: a.src, dst: a.dst, next: 58, hops: a.hops ?? 255 }, message);
}

/** A neighbour solicitation (135) or advertisement (136); `options` as made by {@link linkOption}. */
export function nd(a: {
  type: 135 | 136;
  src: string;
  dst: string;
  target: string;
  flags?: number;
  code?: number;
  hops?: number;
  options?: Buffer[];
}): Buffer {
  const flags = Buffer.from([a.flags ?? 0, 0, 0, 0]);
  return icmp6(a, Buffer.concat([flags, ip6(a.target), ...(a.options ?? [])]));
}

/** Source (1) or target (2) link-layer address option. */
export function linkOption(type: 1 | 2, address: string): Buffer {
  return Buffer.concat([Buffer.from([type, 1]), mac(address)]);
}

/** An IPv6 hop-by-hop (0) or destination options (60) header of 8 bytes, all padding. */
export function padExtension(next: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([next, 0, 1, 4, 0, 0, 0, 0]), payload]);
}
