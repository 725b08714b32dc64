import { checksum } from './checksum.js';
import { ether, ipv4 } from './frames.js';

/** An IPv4 packet taken apart; ports only where there are any, `id` of ICMP echoes. */
export interface Datagram {
  src: string;
  dst: string;
  sport?: number;
  dport?: number;
  id?: number;
  /** The packet in an ICMP error. */
  inner?: Datagram;
}

const ETHERNET = 14;
const CHECKSUM_AT: Readonly<Record<number, number>> = { 6: 16, 17: 6 };
const isIcmpError = (type: number) => [3, 4, 11, 12].includes(type);

/** The checksum of TCP or UDP over a whole segment; of one that has it: 0 when it is right. */
function transportChecksum(packet: Buffer): number {
  const l4 = packet.subarray((packet[0]! & 15) * 4);
  const pseudo = Buffer.from([0, packet[9]!, l4.length >>> 8, l4.length & 255]);
  return checksum(packet.subarray(12, 20), pseudo, l4);
}

/** An IPv4 packet as in frames.ts, with the checksum of its TCP or UDP. */
export function checked(header: Parameters<typeof ipv4>[0], payload: Buffer): Buffer {
  const packet = ipv4(header, payload);
  const at = (packet[0]! & 15) * 4 + CHECKSUM_AT[header.proto]!;
  packet.writeUInt16BE(transportChecksum(packet) || 0xffff, at);
  return packet;
}

/** An ICMP error about a packet, of which it has `quoted` bytes. */
export function icmpError(type: number, about: Buffer, quoted = about.length): Buffer {
  const message = Buffer.concat([Buffer.from([type, 0, 0, 0, 0, 0, 0, 0]), about.subarray(0, quoted)]);
  message.writeUInt16BE(checksum(message), 2);
  return message;
}

/** In a frame from one router to the next. */
export function framed(packet: Buffer): Buffer {
  return ether({ src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02', type: 0x0800 }, packet);
}

/** What is in a frame. @throws Error when a checksum is wrong */
export function dissect(frame: Buffer): Datagram {
  return dissectPacket(frame.subarray(ETHERNET));
}

function dissectPacket(packet: Buffer, quoted = false): Datagram {
  const header = (packet[0]! & 15) * 4;
  const address = (at: number) => packet.subarray(at, at + 4).join('.');
  const found: Datagram = { src: address(12), dst: address(16) };
  if (checksum(packet.subarray(0, header)) !== 0) throw new Error(`checksum of IP, ${found.src}`);
  const whole = packet.length >= packet.readUInt16BE(2);
  if ((packet.readUInt16BE(6) & 0x1fff) !== 0) return found;
  const [proto, l4] = [packet[9]!, packet.subarray(header)];
  const fragment = (packet.readUInt16BE(6) & 0x2000) !== 0;
  const sumAt = CHECKSUM_AT[proto];
  if (sumAt !== undefined) {
    found.sport = l4.readUInt16BE(0);
    found.dport = l4.readUInt16BE(2);
    const none = proto === 17 && l4.readUInt16BE(6) === 0;
    if (whole && !fragment && !none && transportChecksum(packet) !== 0)
      throw new Error(`checksum of protocol ${proto}, ${found.src}`);
  }
  if (proto !== 1) return found;
  if (!quoted && checksum(l4) !== 0) throw new Error(`checksum of ICMP, ${found.src}`);
  if (l4[0] === 0 || l4[0] === 8) found.id = l4.readUInt16BE(4);
  if (isIcmpError(l4[0]!)) found.inner = dissectPacket(l4.subarray(8), true);
  return found;
}
