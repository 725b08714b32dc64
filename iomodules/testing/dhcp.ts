import { ip4, ip4Bytes, mac } from './address.js';
import { udp } from './frames.js';
import { checked, framed } from './transport.js';

/** A message of a DHCP client. */
export interface DhcpMessage {
  /** 1 DISCOVER, 3 REQUEST, 4 DECLINE, 7 RELEASE, 8 INFORM. */
  type: number;
  mac: string;
  xid?: number;
  broadcast?: boolean;
  ciaddr?: string;
  /** Options by number, but for 53. */
  options?: Record<number, Buffer>;
}

/** Its bytes, as they are in UDP. */
export function dhcpMessage(message: DhcpMessage): Buffer {
  const bytes = Buffer.alloc(240);
  bytes.set([1, 1, 6, 0]);
  bytes.writeUInt32BE(message.xid ?? 0x12345678, 4);
  if (message.broadcast) bytes.writeUInt16BE(0x8000, 10);
  if (message.ciaddr !== undefined) bytes.set(ip4Bytes(ip4(message.ciaddr)), 12);
  bytes.set(mac(message.mac), 28);
  bytes.writeUInt32BE(0x63825363, 236);
  const options = Object.entries(message.options ?? {}).map(([code, value]) =>
    Buffer.concat([Buffer.from([Number(code), value.length]), value]),
  );
  return Buffer.concat([bytes, Buffer.from([53, 1, message.type]), ...options, Buffer.from([255])]);
}

/** The frame that a client without an address sends it in. */
export function dhcpFrame(
  message: DhcpMessage,
  to: { src?: string; dst?: string; dstMac?: string } = {},
): Buffer {
  const { src = message.ciaddr ?? '0.0.0.0', dst = '255.255.255.255', dstMac = 'ff:ff:ff:ff:ff:ff' } = to;
  const frame = framed(checked({ src, dst, proto: 17 }, udp(68, 67, dhcpMessage(message))));
  frame.set(mac(dstMac));
  frame.set(mac(message.mac), 6);
  return frame;
}

/** What a server said. Addresses as text. */
export interface DhcpAnswer {
  /** 2 OFFER, 5 ACK, 6 NAK. */
  type: number;
  xid: number;
  yiaddr: string;
  ciaddr: string;
  mac: string;
  options: Record<number, Buffer>;
}

/** A message of a server as it is in UDP. @throws Error when it is none */
export function readDhcpAnswer(bytes: Buffer): DhcpAnswer {
  if (bytes[0] !== 2 || bytes.readUInt32BE(236) !== 0x63825363) throw new Error('not an answer of DHCP');
  const options: Record<number, Buffer> = {};
  for (let at = 240; bytes[at] !== 255; at += 2 + bytes[at + 1]!) {
    if (at >= bytes.length) throw new Error('options without an end');
    options[bytes[at]!] = bytes.subarray(at + 2, at + 2 + bytes[at + 1]!);
  }
  return {
    type: options[53]![0]!,
    xid: bytes.readUInt32BE(4),
    yiaddr: bytes.subarray(16, 20).join('.'),
    ciaddr: bytes.subarray(12, 16).join('.'),
    mac: bytes.toString('hex', 28, 34).replaceAll(/..(?=.)/g, '$&:'),
    options,
  };
}
