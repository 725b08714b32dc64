import type { EncapType, Tunnel, TunnelWay } from './tunnelFacts.js';
import { ipBytes, isIp6 } from './underlay.js';

const ETHERNET = 14;
const IP4 = 20;
const IP6 = 40;
const UDP = 8;
const VXLAN = 8;
const GENEVE = 16; // with OVN's option
const VXLAN_PORT = 4789;
const GENEVE_PORT = 6081;
const PROTOCOL_UDP = 17;
const HOPS = 64;
/** struct iov_tunnel.header */
const ROOM = 80;

/** What the header follows from. */
export type Outer = Pick<Tunnel, 'encap' | 'localIp' | 'remoteIp' | 'tos' | 'df'>;

export function headerLength({ encap, remoteIp }: Pick<Tunnel, 'encap' | 'remoteIp'>): number {
  return ETHERNET + ipLength(remoteIp) + UDP + (encap === 'geneve' ? GENEVE : VXLAN);
}

function ipLength(ip: string): number {
  return isIp6(ip) ? IP6 : IP4;
}

/**
 * The outer header of a tunnel. Left zero for the program: lengths, UDP source port and checksum, and the keys. The IPv4
 * checksum field holds the checksum of this header, i.e. with total length 0 (RFC 1624 makes it right per packet).
 */
export function tunnelHeader(tunnel: Outer, way: TunnelWay | undefined): Buffer {
  const header = Buffer.alloc(ROOM);
  const ip6 = isIp6(tunnel.remoteIp);
  way?.nextHopMac?.copy(header, 0);
  way?.sourceMac?.copy(header, 6);
  header.writeUInt16BE(ip6 ? 0x86dd : 0x0800, 12);
  const ip = header.subarray(ETHERNET, ETHERNET + ipLength(tunnel.remoteIp));
  if (ip6) writeIp6(ip, tunnel);
  else writeIp4(ip, tunnel);
  const udp = header.subarray(ETHERNET + ip.length);
  udp.writeUInt16BE(tunnel.encap === 'geneve' ? GENEVE_PORT : VXLAN_PORT, 2);
  writeShim(udp.subarray(UDP), tunnel.encap);
  return header;
}

function writeIp4(ip: Buffer, { localIp, remoteIp, tos, df }: Outer): void {
  ip[0] = 0x45;
  if (tos !== 'inherit') ip[1] = tos;
  // DF: inner packets that do not fit are answered or dropped with a reason, not fragmented. Without, the program fills in an
  // identification.
  ip.writeUInt16BE(df ? 0x4000 : 0, 6);
  ip[8] = HOPS;
  ip[9] = PROTOCOL_UDP;
  ipBytes(localIp).copy(ip, 12);
  ipBytes(remoteIp).copy(ip, 16);
  ip.writeUInt16BE(checksum(ip), 10);
}

/** RFC 8200 §3. The flow label stays 0: routers that spread flows look at the UDP source port. */
function writeIp6(ip: Buffer, { localIp, remoteIp, tos }: Outer): void {
  const trafficClass = tos === 'inherit' ? 0 : tos;
  ip.writeUInt32BE(0x60000000 + trafficClass * 0x100000, 0);
  ip[6] = PROTOCOL_UDP;
  ip[7] = HOPS;
  ipBytes(localIp).copy(ip, 8);
  ipBytes(remoteIp).copy(ip, 24);
}

/** RFC 7348 §5, or RFC 8926 §3.4 with the option of ovn-architecture(7), Tunnel Encapsulations. */
function writeShim(shim: Buffer, encap: EncapType): void {
  if (encap === 'vxlan') {
    shim[0] = 0x08; // I: the VNI is valid
    return;
  }
  shim[0] = 0x02; // version 0, options: two words of four bytes
  shim[1] = 0x40; // C: a critical option is there (the type's high bit)
  shim.writeUInt16BE(0x6558, 2); // Ethernet
  shim.writeUInt16BE(0x0102, 8); // option class of OVN
  shim[10] = 0x80;
  shim[11] = 1; // one word of data
}

/** RFC 1071. */
export function checksum(bytes: Uint8Array): number {
  return ~sumOf(bytes) & 0xffff;
}

/** struct iov_tunnel.fixed_sum: 16-bit words in host memory order (little endian). */
export function fixedSum(tunnel: Outer): number {
  const { localIp, remoteIp } = tunnel;
  const pseudo = Buffer.concat([ipBytes(localIp), ipBytes(remoteIp), Buffer.from([0, PROTOCOL_UDP])]);
  const behindIp = tunnelHeader(tunnel, undefined).subarray(ETHERNET + ipLength(remoteIp));
  const sum = sumOf(Buffer.concat([pseudo, behindIp]));
  // The sum of words with their bytes swapped is the sum with its bytes swapped (RFC 1071 §2 (B)).
  return ((sum & 0xff) << 8) | (sum >>> 8);
}

/** One's complement sum of 16-bit words in network order, folded. */
function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) | bytes[at + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}
