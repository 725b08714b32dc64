import { toBytes, words } from './bytes.js';
import { checksum, crc32c } from './checksum.js';
import type { Fields } from './fields.js';

export const icmp = 1;
export const igmp = 2;
export const tcp = 6;
export const udp = 17;
export const icmp6 = 58;
export const sctp = 132;

const echoRequest = 8;
const echoRequest6 = 128;
const queries: ReadonlySet<number> = new Set([0, 8, 13, 14, 15, 16, 17, 18]);
/** Where nothing is said: an ephemeral port to "discard". */
const sourcePort = 49152;
const destinationPort = 9;
const syn = 2;
const membershipReport = 0x16;

/** What a transport header goes into. */
export interface Packet {
  protocol: number;
  source: Buffer;
  destination: Buffer;
  /** Of the sender's device. */
  mac: Buffer;
  /** Bytes behind the header. */
  payload: Buffer;
}

/** Header and payload, with checksum. Of protocols that are not known: the payload. */
export function transport(fields: Fields, packet: Packet): Buffer {
  switch (packet.protocol) {
    case icmp:
      return icmpMessage(fields, packet);
    case icmp6:
      return packet.source.length === 16 ? icmp6Message(fields, packet) : packet.payload;
    case igmp:
      return withChecksum(
        Buffer.concat([Buffer.from([membershipReport, 0, 0, 0]), packet.destination.subarray(-4)]),
        2,
      );
    case tcp:
      return tcpSegment(fields, packet);
    case udp:
      return udpDatagram(fields, packet);
    case sctp:
      return sctpPacket(fields, packet);
    default:
      return packet.payload;
  }
}

function icmpMessage(fields: Fields, { payload }: Packet): Buffer {
  const type = fields.small('icmp4.type', echoRequest);
  const code = fields.small('icmp4.code', 0);
  // Queries and their answers have an identifier and a sequence number (RFC 792).
  const rest = queries.has(type) ? words(1, 1) : Buffer.alloc(4);
  return withChecksum(Buffer.concat([Buffer.from([type, code, 0, 0]), rest, payload]), 2);
}

function icmp6Message(fields: Fields, packet: Packet): Buffer {
  const type = fields.small('icmp6.type', echoRequest6);
  const head = Buffer.from([type, fields.small('icmp6.code', 0), 0, 0]);
  const message = Buffer.concat([head, icmp6Body(fields, type, packet)]);
  return withChecksum(message, 2, pseudoHeader(packet, message.length));
}

function icmp6Body(fields: Fields, type: number, packet: Packet): Buffer {
  const { source, mac, payload } = packet;
  // A source link-layer option must not be there when the source is unspecified (RFC 4861 4.1, 4.3).
  const sll = fields.has('nd.sll') || source.some((byte) => byte !== 0);
  switch (type) {
    case 128:
    case 129:
      return Buffer.concat([words(1, 1), payload]);
    case 133:
      return Buffer.concat([Buffer.alloc(4), sll ? option(1, mac) : Buffer.alloc(0)]);
    case 134:
      return Buffer.concat([Buffer.from([64, 0, 0, 0]), Buffer.alloc(8), option(1, mac)]);
    case 135: {
      const target = fields.bytes('nd.target', Buffer.alloc(16));
      return Buffer.concat([
        Buffer.alloc(4),
        target,
        sll ? option(1, fields.bytes('nd.sll', mac)) : Buffer.alloc(0),
      ]);
    }
    case 136: {
      const flags = Buffer.from([0x60, 0, 0, 0]); // solicited, override
      const target = fields.bytes('nd.target', source);
      return Buffer.concat([flags, target, option(2, fields.bytes('nd.tll', mac))]);
    }
    case 130:
    case 131:
    case 132:
      return Buffer.alloc(20);
    case 143:
      return Buffer.alloc(4);
    default:
      return Buffer.concat([Buffer.alloc(4), payload]);
  }
}

function option(type: number, mac: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type, 1]), mac]);
}

function tcpSegment(fields: Fields, packet: Packet): Buffer {
  const flags = fields.small('tcp.flags', syn);
  const ports = words(fields.small('tcp.src', sourcePort), fields.small('tcp.dst', destinationPort));
  const rest = words(0x5000 | flags, 8192, 0, 0);
  const segment = Buffer.concat([ports, Buffer.alloc(8), rest, packet.payload]);
  return withChecksum(segment, 16, pseudoHeader(packet, segment.length));
}

function udpDatagram(fields: Fields, packet: Packet): Buffer {
  const length = 8 + packet.payload.length;
  const ports = words(fields.small('udp.src', sourcePort), fields.small('udp.dst', destinationPort));
  const datagram = Buffer.concat([ports, words(length, 0), packet.payload]);
  const sealed = withChecksum(datagram, 6, pseudoHeader(packet, length));
  // A checksum of 0 means "none" (RFC 768).
  if (sealed.readUInt16BE(6) === 0) sealed.writeUInt16BE(0xffff, 6);
  return sealed;
}

function sctpPacket(fields: Fields, { payload }: Packet): Buffer {
  const ports = words(fields.small('sctp.src', sourcePort), fields.small('sctp.dst', destinationPort));
  const packet = Buffer.concat([ports, Buffer.alloc(8), payload]);
  packet.writeUInt32LE(crc32c(packet), 8);
  return packet;
}

function pseudoHeader({ source, destination, protocol }: Packet, length: number): Buffer {
  const rest =
    source.length === 4
      ? words(protocol, length)
      : Buffer.concat([toBytes(BigInt(length), 4), words(0, protocol)]);
  return Buffer.concat([source, destination, rest]);
}

function withChecksum(bytes: Buffer, at: number, pseudo: Uint8Array = Buffer.alloc(0)): Buffer {
  bytes.writeUInt16BE(checksum(pseudo, bytes), at);
  return bytes;
}
