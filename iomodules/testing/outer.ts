import { ip4, ip4Bytes, ip6, mac } from './address.js';
import { checksum } from './checksum.js';

/** What a tunnel packet says. */
export interface Outer {
  type: 'vxlan' | 'geneve';
  srcMac: string;
  dstMac: string;
  /** Both IPv4 or both IPv6. */
  src: string;
  dst: string;
  /** UDP source port; 0 in a template. */
  sport?: number;
  /** Type of service or traffic class. */
  tos?: number;
  /** VXLAN: the whole 24-bit VNI. Geneve: the datapath key. */
  vni?: number;
  /** Over IPv4, do not fragment. Default: true. */
  df?: boolean;
  /** Geneve only. */
  ingress?: number;
  egress?: number;
  /** Whether the UDP checksum is filled in, by {@link encapsulated}. */
  checksum?: boolean;
}

export function isIp6({ src }: Pick<Outer, 'src'>): boolean {
  return src.includes(':');
}

/** IPv4 addresses as IPv4-mapped IPv6. */
export function mapped(address: string): Buffer {
  if (address.includes(':')) return ip6(address);
  return Buffer.concat([Buffer.from('00000000000000000000ffff', 'hex'), ip4Bytes(ip4(address))]);
}

const addressBytes = (address: string) => (address.includes(':') ? ip6(address) : ip4Bytes(ip4(address)));

/** Of the UDP checksum (RFC 768, RFC 8200 8.1). */
function pseudoHeader({ src, dst }: Pick<Outer, 'src' | 'dst'>, length: number): Buffer {
  const rest = Buffer.alloc(8);
  rest.writeUInt32BE(length, 0);
  rest[7] = 17;
  return Buffer.concat([addressBytes(src), addressBytes(dst), rest]);
}

/** struct iov_tunnel.fixed_sum: 16-bit words in host memory order. */
export function fixedSum(outer: Outer): number {
  const template = templateOf(outer).subarray(isIp6(outer) ? 54 : 34);
  const sum = Buffer.alloc(2);
  sum.writeUInt16BE(~checksum(pseudoHeader(outer, 0), template) & 0xffff);
  return new Uint16Array(sum.buffer, sum.byteOffset, 1)[0]!;
}

/** The UDP checksum of a tunnel packet: of one that has it, 0 when it is right. */
export function outerChecksum(outer: Outer, packet: Buffer): number {
  const segment = packet.subarray(isIp6(outer) ? 54 : 34);
  return checksum(pseudoHeader(outer, segment.length), segment);
}

/** struct iov_tunnel.header, without what is behind it. */
export function templateOf(outer: Outer): Buffer {
  return outerHeader({ ...outer, vni: 0, sport: 0, ingress: 0, egress: 0, checksum: undefined }, 'template');
}

/** 50 bytes for VXLAN, 58 for Geneve, over IPv6 70 and 78; `length` is that of the inner frame, or 'template' for struct iov_tunnel. */
export function outerHeader(outer: Outer, length: number | 'template'): Buffer {
  const geneve = outer.type === 'geneve';
  const tunnel = Buffer.alloc(geneve ? 16 : 8);
  tunnel.writeUInt32BE(geneve ? 0x02406558 : 0x08000000, 0);
  tunnel.writeUInt32BE(((outer.vni ?? 0) << 8) >>> 0, 4);
  if (geneve) {
    tunnel.writeUInt32BE(0x01028001, 8);
    tunnel.writeUInt16BE(outer.ingress ?? 0, 12);
    tunnel.writeUInt16BE(outer.egress ?? 0, 14);
  }
  const payload = length === 'template' ? 0 : 8 + tunnel.length + length;
  const udp = Buffer.alloc(8);
  udp.writeUInt16BE(outer.sport ?? 0, 0);
  udp.writeUInt16BE(geneve ? 6081 : 4789, 2);
  udp.writeUInt16BE(payload, 4);
  const ethernet = Buffer.concat([mac(outer.dstMac), mac(outer.srcMac), Buffer.alloc(2)]);
  ethernet.writeUInt16BE(isIp6(outer) ? 0x86dd : 0x0800, 12);
  const ip = isIp6(outer)
    ? header6(outer, payload)
    : header4(outer, length === 'template' ? 0 : payload + 20);
  return Buffer.concat([ethernet, ip, udp, tunnel]);
}

function header4(outer: Outer, total: number): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt16BE(0x4500 | (outer.tos ?? 0), 0);
  header.writeUInt16BE(total, 2);
  header.writeUInt16BE(outer.df === false ? 0 : 0x4000, 6);
  header.writeUInt16BE((64 << 8) | 17, 8);
  ip4Bytes(ip4(outer.src)).copy(header, 12);
  ip4Bytes(ip4(outer.dst)).copy(header, 16);
  header.writeUInt16BE(checksum(header), 10);
  return header;
}

function header6(outer: Outer, payload: number): Buffer {
  const header = Buffer.alloc(40);
  header.writeUInt16BE(0x6000 | ((outer.tos ?? 0) << 4), 0);
  header.writeUInt16BE(payload, 4);
  header.writeUInt16BE((17 << 8) | 64, 6);
  ip6(outer.src).copy(header, 8);
  ip6(outer.dst).copy(header, 24);
  return header;
}

/** A tunnel packet around a frame. */
export function encapsulated(outer: Outer, frame: Buffer): Buffer {
  const packet = Buffer.concat([outerHeader(outer, frame.length), frame]);
  if (outer.checksum) {
    const sum = outerChecksum(outer, packet);
    packet.writeUInt16BE(sum === 0 ? 0xffff : sum, isIp6(outer) ? 60 : 40);
  }
  return packet;
}
