import type { EncapType, Tunnel, TunnelPath } from './tunnel.js';

const ETHERNET = 14;
const IP4 = 20;
const UDP = 8;
const VXLAN = 8;
const GENEVE = 16; // with OVN's option
const VXLAN_PORT = 4789;
const GENEVE_PORT = 6081;
/** struct iov_tunnel.header */
const ROOM = 64;

export function headerLength(encap: EncapType): number {
  return ETHERNET + IP4 + UDP + (encap === 'geneve' ? GENEVE : VXLAN);
}

/**
 * The outer header of a tunnel. Left zero for the program: lengths, UDP source port, and the keys. The IPv4 checksum
 * field holds the checksum of this header, i.e. with total length 0 (RFC 1624 makes it right per packet).
 */
export function tunnelHeader(tunnel: Tunnel, path: TunnelPath | undefined): Buffer {
  const header = Buffer.alloc(ROOM);
  path?.nextHopMac?.copy(header, 0);
  path?.sourceMac?.copy(header, 6);
  header.writeUInt16BE(0x0800, 12);
  writeIp4(header.subarray(ETHERNET, ETHERNET + IP4), tunnel);
  const udp = header.subarray(ETHERNET + IP4);
  udp.writeUInt16BE(tunnel.encap === 'geneve' ? GENEVE_PORT : VXLAN_PORT, 2);
  writeShim(udp.subarray(UDP), tunnel.encap);
  return header;
}

function writeIp4(ip: Buffer, { localIp, remoteIp }: Tunnel): void {
  ip[0] = 0x45;
  ip.writeUInt16BE(0x4000, 6); // DF: inner packets that do not fit are dropped with a reason, not fragmented
  ip[8] = 64;
  ip[9] = 17;
  ip.writeUInt32BE(localIp, 12);
  ip.writeUInt32BE(remoteIp, 16);
  ip.writeUInt16BE(checksum(ip), 10);
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
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) | bytes[at + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
