/** Option 53. */
export enum MessageType {
  DISCOVER = 1,
  OFFER = 2,
  REQUEST = 3,
  DECLINE = 4,
  ACK = 5,
  NAK = 6,
  RELEASE = 7,
  INFORM = 8,
}

/** Options by number (RFC 2132). */
export enum DhcpOption {
  NETMASK = 1,
  ROUTER = 3,
  DNS = 6,
  REQUESTED_IP = 50,
  LEASE_TIME = 51,
  TYPE = 53,
  SERVER = 54,
  MESSAGE = 56,
  RENEWAL_TIME = 58,
  REBINDING_TIME = 59,
  CLIENT_ID = 61,
}

/** A request, as far as a server needs it. Addresses are numbers: 0x0a000001 is 10.0.0.1; 0: none. */
export interface DhcpRequest {
  type: MessageType;
  xid: number;
  /** As it came: only the highest bit means something. */
  flags: number;
  ciaddr: number;
  giaddr: number;
  /** Six bytes. */
  mac: Buffer;
  options: ReadonlyMap<number, Buffer>;
}

const ETHERNET = 14;
const UDP = 8;
/** Up to the magic cookie, and with it. */
const [FIXED, COOKIE_END] = [236, 240];
const COOKIE = 0x63825363;
/** BOOTP's least length, which some clients insist on. */
const LEAST = 300;
const [PAD, END] = [0, 255];

/** What is in an Ethernet frame of UDP over IPv4; undefined: no DHCP request of an Ethernet client. */
export function readRequest(frame: Buffer): DhcpRequest | undefined {
  const udp = ETHERNET + ((frame[ETHERNET] ?? 0) & 15) * 4;
  if (frame.length < udp + UDP) return undefined;
  const message = frame.subarray(udp + UDP, udp + frame.readUInt16BE(udp + 4));
  if (message.length < COOKIE_END || message.readUInt32BE(FIXED) !== COOKIE) return undefined;
  const [op, hardware, length] = message;
  if (op !== 1 || hardware !== 1 || length !== 6) return undefined;
  const options = readOptions(message.subarray(COOKIE_END));
  const type = options.get(DhcpOption.TYPE)?.[0];
  if (type === undefined || MessageType[type] === undefined) return undefined;
  return {
    type,
    xid: message.readUInt32BE(4),
    flags: message.readUInt16BE(10),
    ciaddr: message.readUInt32BE(12),
    giaddr: message.readUInt32BE(24),
    mac: Buffer.from(message.subarray(28, 34)),
    options,
  };
}

function readOptions(bytes: Buffer): Map<number, Buffer> {
  const options = new Map<number, Buffer>();
  for (let at = 0; at < bytes.length && bytes[at] !== END; ) {
    if (bytes[at] === PAD) {
      at++;
      continue;
    }
    const [code = END, length = 0] = bytes.subarray(at, at + 2);
    const value = bytes.subarray(at + 2, at + 2 + length);
    if (value.length < length) break;
    // What is too long for one option goes on in the next of that number (RFC 3396).
    options.set(code, Buffer.concat([options.get(code) ?? Buffer.alloc(0), value]));
    at += 2 + length;
  }
  return options;
}

/** The address that an option holds. */
export function addressOption(request: DhcpRequest, option: DhcpOption): number | undefined {
  const value = request.options.get(option);
  return value?.length === 4 ? value.readUInt32BE() : undefined;
}

export interface DhcpReply {
  type: MessageType;
  /** What the client gets, or 0. */
  yiaddr: number;
  options: readonly (readonly [DhcpOption, Buffer])[];
}

/** Where a reply goes to and comes from. */
export interface Addressing {
  srcMac: Buffer;
  dstMac: Buffer;
  src: number;
  dst: number;
}

/** A frame with the reply, from port 67 to port 68. */
export function replyFrame(request: DhcpRequest, reply: DhcpReply, to: Addressing): Buffer {
  const message = Buffer.alloc(COOKIE_END);
  message.set([2, 1, 6, 0]);
  message.writeUInt32BE(request.xid, 4);
  message.writeUInt16BE(request.flags & 0x8000, 10);
  // RFC 2131, table 3.
  message.writeUInt32BE(reply.type === MessageType.ACK ? request.ciaddr : 0, 12);
  message.writeUInt32BE(reply.yiaddr, 16);
  message.set(request.mac, 28);
  message.writeUInt32BE(COOKIE, FIXED);
  const type = [DhcpOption.TYPE, Buffer.from([reply.type])] as const;
  const options = [type, ...reply.options].map(([code, value]) =>
    Buffer.concat([Buffer.from([code, value.length]), value]),
  );
  const whole = Buffer.concat([message, ...options, Buffer.from([END])]);
  const padding = Buffer.alloc(Math.max(0, LEAST - whole.length));
  return inFrame(Buffer.concat([whole, padding]), to);
}

function inFrame(message: Buffer, { srcMac, dstMac, src, dst }: Addressing): Buffer {
  const frame = Buffer.alloc(ETHERNET + 20 + UDP);
  frame.set(dstMac);
  frame.set(srcMac, 6);
  frame.writeUInt16BE(0x0800, 12);
  const ip = frame.subarray(ETHERNET, ETHERNET + 20);
  ip.set([0x45, 0x10]);
  ip.writeUInt16BE(20 + UDP + message.length, 2);
  ip.set([64, 17], 8);
  ip.writeUInt32BE(src, 12);
  ip.writeUInt32BE(dst, 16);
  ip.writeUInt16BE(onesComplement(ip), 10);
  const udp = frame.subarray(ETHERNET + 20);
  udp.writeUInt16BE(67, 0);
  udp.writeUInt16BE(68, 2);
  udp.writeUInt16BE(UDP + message.length, 4);
  const pseudo = Buffer.from([0, 17, (UDP + message.length) >>> 8, (UDP + message.length) & 255]);
  const sum = onesComplement(Buffer.concat([ip.subarray(12), pseudo, udp, message]));
  udp.writeUInt16BE(sum || 0xffff, 6);
  return Buffer.concat([frame, message]);
}

/** The checksum of IP. */
function onesComplement(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
