/** Who a test frame is from or to. */
export interface Endpoint {
  /** "02:00:00:00:00:01" */
  mac: string;
  /** Dotted IPv4 address. */
  ip: string;
}

const FRAME_LENGTH = 64;
const ETHERNET = 14;
const IPV4 = 20;
const DISCARD_PORT = 9;

const macBytes = (mac: string) => Buffer.from(mac.replaceAll(':', ''), 'hex');
const ipBytes = (ip: string) => Buffer.from(ip.split('.').map(Number));

/** A 64-byte UDP frame to the discard port (RFC 863), which the sink counts. Valid lengths and checksum (UDP: none). */
export function udpFrame(from: Endpoint, to: Endpoint): Buffer {
  const frame = Buffer.alloc(FRAME_LENGTH);
  macBytes(to.mac).copy(frame, 0);
  macBytes(from.mac).copy(frame, 6);
  frame.writeUInt16BE(0x0800, 12);
  const ip = frame.subarray(ETHERNET, ETHERNET + IPV4);
  ip.writeUInt8(0x45, 0);
  ip.writeUInt16BE(FRAME_LENGTH - ETHERNET, 2);
  ip.writeUInt8(64, 8);
  ip.writeUInt8(17, 9);
  ipBytes(from.ip).copy(ip, 12);
  ipBytes(to.ip).copy(ip, 16);
  ip.writeUInt16BE(checksum(ip), 10);
  const udp = frame.subarray(ETHERNET + IPV4);
  udp.writeUInt16BE(10000, 0);
  udp.writeUInt16BE(DISCARD_PORT, 2);
  udp.writeUInt16BE(udp.length, 4);
  return frame;
}

/** RFC 1071, over an even number of bytes. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
