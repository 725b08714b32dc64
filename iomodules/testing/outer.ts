import { ip4, ip4Bytes, mac } from './address.js';
import { checksum } from './checksum.js';

/** What a tunnel packet says. */
export interface Outer {
  type: 'vxlan' | 'geneve';
  srcMac: string;
  dstMac: string;
  src: string;
  dst: string;
  /** UDP source port; 0 in a template. */
  sport?: number;
  /** VXLAN: the whole 24-bit VNI. Geneve: the datapath key. */
  vni?: number;
  /** Geneve only. */
  ingress?: number;
  egress?: number;
}

/** 50 bytes for VXLAN, 58 for Geneve; `length` is that of the inner frame, or 'template' for struct iov_tunnel. */
export function outerHeader(outer: Outer, length: number | 'template'): Buffer {
  const geneve = outer.type === 'geneve';
  const header = Buffer.alloc(geneve ? 58 : 50);
  const udp = length === 'template' ? 0 : header.length - 34 + length;
  mac(outer.dstMac).copy(header, 0);
  mac(outer.srcMac).copy(header, 6);
  header.writeUInt16BE(0x0800, 12);
  header.writeUInt8(0x45, 14);
  header.writeUInt16BE(length === 'template' ? 0 : 20 + udp, 16);
  header.writeUInt16BE(0x4000, 20); // do not fragment
  header.writeUInt8(64, 22);
  header.writeUInt8(17, 23);
  ip4Bytes(ip4(outer.src)).copy(header, 26);
  ip4Bytes(ip4(outer.dst)).copy(header, 30);
  header.writeUInt16BE(checksum(header.subarray(14, 34)), 24);
  header.writeUInt16BE(outer.sport ?? 0, 34);
  header.writeUInt16BE(geneve ? 6081 : 4789, 36);
  header.writeUInt16BE(udp, 38);
  header.writeUInt32BE(geneve ? 0x02406558 : 0x08000000, 42);
  header.writeUInt32BE(((outer.vni ?? 0) << 8) >>> 0, 46);
  if (geneve) {
    header.writeUInt32BE(0x01028001, 50);
    header.writeUInt16BE(outer.ingress ?? 0, 54);
    header.writeUInt16BE(outer.egress ?? 0, 56);
  }
  return header;
}

/** A tunnel packet around a frame. */
export function encapsulated(outer: Outer, frame: Buffer): Buffer {
  return Buffer.concat([outerHeader(outer, frame.length), frame]);
}
