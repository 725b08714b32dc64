import { toBytes, words } from './bytes.js';
import { checksum } from './checksum.js';
import type { Fields } from './fields.js';
import { igmp, type Packet, transport } from './transport.js';

const moreFragments = 0x2000;
/** Where a later fragment begins, in units of 8 bytes: behind the first of a usual MTU. */
const laterOffset = 185;
const defaultTtl = 64;
const fragmentHeader = 44;

/** ip.frag: of any fragment, and of one that is not the first. */
const anyFragment = 1;
const laterFragment = 2;

/** An IPv4 packet. */
export function ip4Packet(fields: Fields, packet: Packet): Buffer {
  const frag = fields.small('ip.frag', 0);
  const body = bodyOf(fields, packet, frag);
  const offset = frag & laterFragment ? laterOffset : frag & anyFragment ? moreFragments : 0;
  const header = Buffer.concat([
    Buffer.from([0x45, trafficClass(fields)]),
    words(20 + body.length, 1, offset),
    Buffer.from([fields.small('ip.ttl', packet.protocol === igmp ? 1 : defaultTtl), packet.protocol, 0, 0]),
    packet.source,
    packet.destination,
  ]);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, body]);
}

/** An IPv6 packet. @param ttl where nothing is said of it */
export function ip6Packet(fields: Fields, packet: Packet, ttl = defaultTtl): Buffer {
  const frag = fields.small('ip.frag', 0);
  const content = bodyOf(fields, packet, frag);
  const offset = frag & laterFragment ? laterOffset << 3 : 1;
  const fragment = Buffer.concat([Buffer.from([packet.protocol, 0]), words(offset), toBytes(1n, 4)]);
  const body = frag === 0 ? content : Buffer.concat([fragment, content]);
  const first = (6n << 28n) | (BigInt(trafficClass(fields)) << 20n) | fields.number('ip6.label', 0n);
  return Buffer.concat([
    toBytes(first, 4),
    words(body.length),
    Buffer.from([frag === 0 ? packet.protocol : fragmentHeader, fields.small('ip.ttl', ttl)]),
    packet.source,
    packet.destination,
    body,
  ]);
}

function bodyOf(fields: Fields, packet: Packet, frag: number): Buffer {
  // A later fragment has no transport header; 8 bytes are the least that a fragment can have.
  if (frag & laterFragment) return Buffer.concat([Buffer.alloc(8), packet.payload]);
  return transport(fields, packet);
}

function trafficClass(fields: Fields): number {
  return (fields.small('ip.dscp', 0) << 2) | fields.small('ip.ecn', 0);
}
