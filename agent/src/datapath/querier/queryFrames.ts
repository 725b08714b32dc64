import type { MulticastQuerier } from '@iovisor-ovn/proto';

const ALL_HOSTS = { mac: '01005e000001', ip: 'e0000001' };
const ALL_NODES = { mac: '333300000001', ip: `ff02${'00'.repeat(13)}01` };
/** DSCP CS6: network control. */
const TOS = 0xc0;
const DONT_FRAGMENT = 0x4000;
const [IGMP, HOP_BY_HOP, ICMPV6] = [2, 0, 58];
const [IGMP_QUERY, MLD_QUERY] = [0x11, 130];

/**
 * The general queries of a querier, IGMPv3 and MLDv2, field by field those of ovn-controller. Except that its MLD queries go to
 * the MAC 33:33:00:00:00:00, where NICs that filter do not listen; ff02::1 is at 33:33:00:00:00:01 (RFC 2464).
 */
export function queryFrames(querier: MulticastQuerier): Buffer[] {
  const frames: Buffer[] = [];
  if (querier.ip4Src.length > 0) frames.push(igmpQuery(querier));
  if (querier.ip6Src.length > 0) frames.push(mldQuery(querier));
  return frames;
}

function igmpQuery({ ethSrc, ip4Src, maxResponse }: MulticastQuerier): Buffer {
  // Tenths of a second, here and as the interval, as ovn-controller has it.
  const code = (maxResponse * 10) & 0xff;
  const query = Buffer.alloc(12);
  query.writeUInt8(IGMP_QUERY, 0);
  query.writeUInt8(code, 1);
  query.writeUInt8(code, 9);
  query.writeUInt16BE(checksum(query), 2);
  const header = Buffer.alloc(20);
  header.writeUInt8(0x45, 0);
  header.writeUInt8(TOS, 1);
  header.writeUInt16BE(header.length + query.length, 2);
  header.writeUInt16BE(DONT_FRAGMENT, 6);
  header.writeUInt8(1, 8);
  header.writeUInt8(IGMP, 9);
  header.set(ip4Src, 12);
  header.write(ALL_HOSTS.ip, 16, 'hex');
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([ethernet(ALL_HOSTS.mac, ethSrc, 0x0800), header, query]);
}

function mldQuery({ ethSrc, ip6Src, maxResponse }: MulticastQuerier): Buffer {
  const routerAlert = Buffer.from([ICMPV6, 0, 5, 2, 0, 0, 1, 0]);
  const query = Buffer.alloc(28);
  query.writeUInt8(MLD_QUERY, 0);
  query.writeUInt16BE((maxResponse * 1000) & 0xffff, 4);
  query.writeUInt8(maxResponse & 0xff, 25);
  const header = Buffer.alloc(40);
  header.writeUInt8(0x60, 0);
  header.writeUInt16BE(routerAlert.length + query.length, 4);
  header.writeUInt8(HOP_BY_HOP, 6);
  header.writeUInt8(1, 7);
  header.set(ip6Src, 8);
  header.write(ALL_NODES.ip, 24, 'hex');
  const pseudo = Buffer.alloc(8);
  pseudo.writeUInt32BE(query.length, 0);
  pseudo.writeUInt8(ICMPV6, 7);
  query.writeUInt16BE(checksum(Buffer.concat([header.subarray(8), pseudo, query])), 2);
  return Buffer.concat([ethernet(ALL_NODES.mac, ethSrc, 0x86dd), header, routerAlert, query]);
}

function ethernet(to: string, from: Uint8Array, type: number): Buffer {
  const ethertype = Buffer.alloc(2);
  ethertype.writeUInt16BE(type);
  return Buffer.concat([Buffer.from(to, 'hex'), from, ethertype]);
}

/** RFC 1071, of an even number of bytes whose checksum field is 0. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** The frame with a tag. */
export function withTag(frame: Buffer, { id, proto }: { id: number; proto: number }): Buffer {
  const tag = Buffer.alloc(4);
  tag.writeUInt16BE(proto, 0);
  tag.writeUInt16BE(id, 2);
  return Buffer.concat([frame.subarray(0, 12), tag, frame.subarray(12)]);
}
