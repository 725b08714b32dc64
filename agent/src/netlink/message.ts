import { NLA_TYPE_MASK } from './constants.js';

/** One message of a netlink datagram (netlink(7)). `payload` is a view of the datagram: use it before the next read. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Buffer;
}

const HEADER = 16;
const align = (length: number): number => (length + 3) & ~3;

/** The messages of one datagram; stops at the first whose length does not fit. All numbers are in host byte order (LE). */
export function* messagesOf(datagram: Buffer): Generator<NetlinkMessage> {
  for (let offset = 0; offset + HEADER <= datagram.length; ) {
    const length = datagram.readUInt32LE(offset);
    if (length < HEADER || offset + length > datagram.length) return;
    yield {
      type: datagram.readUInt16LE(offset + 4),
      flags: datagram.readUInt16LE(offset + 6),
      sequence: datagram.readUInt32LE(offset + 8),
      payload: datagram.subarray(offset + HEADER, offset + length),
    };
    offset += align(length);
  }
}

/** Type → value of the attributes from `offset`; of a repeated type the last. */
export function attributesOf(buffer: Buffer, offset = 0): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  for (let at = offset; at + 4 <= buffer.length; ) {
    const length = buffer.readUInt16LE(at);
    if (length < 4 || at + length > buffer.length) break;
    attributes.set(buffer.readUInt16LE(at + 2) & NLA_TYPE_MASK, buffer.subarray(at + 4, at + length));
    at += align(length);
  }
  return attributes;
}

/** An attribute to send. */
export type AttributeToSend = readonly [type: number, value: Uint8Array];

/** A request: netlink header, the family's fixed header, attributes. */
export function encodeMessage(
  type: number,
  flags: number,
  sequence: number,
  fixedHeader: Uint8Array,
  attributes: readonly AttributeToSend[] = [],
): Buffer {
  const size = attributes.reduce(
    (sum, [, value]) => sum + align(4 + value.length),
    align(fixedHeader.length),
  );
  const message = Buffer.alloc(HEADER + size);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(type, 4);
  message.writeUInt16LE(flags, 6);
  message.writeUInt32LE(sequence, 8);
  message.set(fixedHeader, HEADER);
  let at = HEADER + align(fixedHeader.length);
  for (const [attribute, value] of attributes) {
    message.writeUInt16LE(4 + value.length, at);
    message.writeUInt16LE(attribute, at + 2);
    message.set(value, at + 4);
    at += align(4 + value.length);
  }
  return message;
}

/** A 32-bit attribute value in host byte order. */
export function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value >>> 0);
  return buffer;
}

/** An 8-bit attribute value. */
export function u8(value: number): Buffer {
  return Buffer.from([value]);
}

/** A string with its terminating NUL. */
export function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

/** Attributes within an attribute. */
export function nest(attributes: readonly AttributeToSend[]): Buffer {
  // The same layout as after a header of no length.
  return encodeMessage(0, 0, 0, Buffer.alloc(0), attributes).subarray(HEADER);
}

/** An attribute's 32-bit value, undefined when the attribute is absent or short. */
export function readU32(value: Buffer | undefined): number | undefined {
  return value !== undefined && value.length >= 4 ? value.readUInt32LE(0) : undefined;
}

/** An attribute's string without its terminating NUL. */
export function readString(value: Buffer | undefined): string | undefined {
  if (value === undefined) return undefined;
  const end = value.indexOf(0);
  return value.toString('utf8', 0, end < 0 ? value.length : end);
}
