import { ip4, ip4Bytes, ip6 } from './address.js';
import { checksum, icmp6Checksum } from './checksum.js';
import { ipv4, ipv6 } from './frames.js';

/** A group of an IGMPv3 or MLDv2 report; types: 1, 2 mode, 3, 4 change of mode, 5, 6 sources. */
export interface MembershipRecord {
  type: number;
  group: string;
  /** How many, of all zeroes. */
  sources?: number;
}

/** An IGMP message of 8 bytes: 0x11 query, 0x12 report, 0x16 report (version 2), 0x17 leave. */
export function igmp(type: number, group: string): Buffer {
  return summed(Buffer.concat([Buffer.from([type, 0, 0, 0]), ip4Bytes(ip4(group))]));
}

export function igmp3(records: readonly MembershipRecord[]): Buffer {
  const head = Buffer.from([0x22, 0, 0, 0, 0, 0, records.length >> 8, records.length & 0xff]);
  return summed(
    Buffer.concat([head, ...records.map((record) => recordOf(record, ip4Bytes(ip4(record.group)), 4))]),
  );
}

/** An MLD message without its checksum: 130 query, 131 report, 132 done. */
export function mld(type: number, group: string): Buffer {
  return Buffer.concat([Buffer.from([type, 0, 0, 0, 0, 0, 0, 0]), ip6(group)]);
}

export function mld2(records: readonly MembershipRecord[]): Buffer {
  const head = Buffer.from([143, 0, 0, 0, 0, 0, records.length >> 8, records.length & 0xff]);
  return Buffer.concat([head, ...records.map((record) => recordOf(record, ip6(record.group), 16))]);
}

/** In IPv4, with the router alert option. */
export function igmpPacket(src: string, dst: string, message: Buffer): Buffer {
  return ipv4({ src, dst, proto: 2, ttl: 1, options: Buffer.from([0x94, 4, 0, 0]) }, message);
}

/** In IPv6, behind a hop-by-hop header with the router alert option; fills in the checksum. */
export function mldPacket(src: string, dst: string, message: Buffer): Buffer {
  const whole = Buffer.from(message);
  whole.writeUInt16BE(icmp6Checksum(ip6(src), ip6(dst), whole), 2);
  return ipv6({ src, dst, next: 0, hops: 1 }, Buffer.concat([Buffer.from([58, 0, 5, 2, 0, 0, 1, 0]), whole]));
}

function recordOf({ type, sources = 0 }: MembershipRecord, group: Buffer, address: number): Buffer {
  return Buffer.concat([
    Buffer.from([type, 0, sources >> 8, sources & 0xff]),
    group,
    Buffer.alloc(sources * address),
  ]);
}

function summed(message: Buffer): Buffer {
  message.writeUInt16BE(checksum(message), 2);
  return message;
}
