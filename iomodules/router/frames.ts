/** Frames that the router makes itself. Addresses as numbers (10.0.0.1 is 0x0a000001) and as six bytes. */

const ETHERNET = 14;
const BROADCAST = Buffer.alloc(6, 0xff);
const [TCP, UDP, ICMP] = [6, 17, 1];
/** RFC 1812 4.3.2.3: as much of the packet as makes 576 bytes. */
const LARGEST_QUOTE = 576 - 20 - 8;

/** Who has `target`? */
export function arpRequest(from: { mac: Buffer; ip: number }, target: number): Buffer {
  const frame = Buffer.alloc(60);
  BROADCAST.copy(frame, 0);
  from.mac.copy(frame, 6);
  frame.writeUIntBE(0x080600010800, 12, 6);
  frame.writeUInt32BE(0x06040001, 18);
  from.mac.copy(frame, 22);
  frame.writeUInt32BE(from.ip, 28);
  frame.writeUInt32BE(target, 38);
  return frame;
}

/**
 * An ICMP error about a frame, to its sender.
 * @returns undefined where there must be none: about ICMP errors and later fragments (RFC 1122 3.2.2)
 */
export function icmpError(
  frame: Buffer,
  type: number,
  code: number,
  from: { mac: Buffer; ip: number },
): Buffer | undefined {
  const packet = frame.subarray(ETHERNET);
  const header = (packet[0]! & 0xf) * 4;
  if (packet.length < header + 8 || packet.readUInt16BE(6) & 0x1fff) return undefined;
  // Only queries, echo and those that RFC 792 and 950 have besides, are no errors.
  if (packet[9] === ICMP && ![0, 8, 13, 14, 15, 16, 17, 18].includes(packet[header]!)) return undefined;
  const quote = packet.subarray(0, Math.min(packet.readUInt16BE(2), LARGEST_QUOTE));
  const reply = Buffer.alloc(ETHERNET + 28 + quote.length);
  frame.copy(reply, 0, 6, 12);
  from.mac.copy(reply, 6);
  reply.writeUInt16BE(0x0800, 12);
  const ip = reply.subarray(ETHERNET);
  ip.writeUInt16BE(0x45c0, 0); // precedence: internetwork control
  ip.writeUInt16BE(ip.length, 2);
  ip.writeUInt16BE(0x4001, 8);
  ip.writeUInt32BE(from.ip, 12);
  packet.copy(ip, 16, 12, 16);
  ip.writeUInt16BE(checksum(ip.subarray(0, 20)), 10);
  ip.writeUInt16BE((type << 8) | code, 20);
  quote.copy(ip, 28);
  ip.writeUInt16BE(checksum(ip.subarray(20)), 22);
  return reply;
}

/**
 * Completes the checksum of TCP or UDP that the sender left to a device (it holds the sum of the pseudo header then): what
 * comes back from user space has no such promise with it any more.
 */
export function completeChecksum(frame: Buffer): void {
  const packet = frame.subarray(ETHERNET);
  const header = (packet[0]! & 0xf) * 4;
  const length = packet.readUInt16BE(2) - header;
  const protocol = packet[9];
  if (packet.readUInt16BE(6) & 0x3fff || (protocol !== TCP && protocol !== UDP)) return;
  const segment = packet.subarray(header, header + length);
  const at = protocol === TCP ? 16 : 6;
  if (segment.length < length || length < at + 2) return;
  const pseudo = fold(sum(packet.subarray(12, 20)) + protocol + length);
  if (segment.readUInt16BE(at) !== pseudo) return;
  // The field holds the pseudo header's sum, which belongs to what is summed up.
  segment.writeUInt16BE(checksum(segment) || 0xffff, at);
}

/** RFC 1071. */
function checksum(bytes: Buffer): number {
  return ~fold(sum(bytes)) & 0xffff;
}

function sum(bytes: Buffer): number {
  let total = 0;
  for (let i = 0; i + 1 < bytes.length; i += 2) total += bytes.readUInt16BE(i);
  return bytes.length % 2 === 1 ? total + bytes[bytes.length - 1]! * 256 : total;
}

function fold(total: number): number {
  let folded = total;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return folded;
}
