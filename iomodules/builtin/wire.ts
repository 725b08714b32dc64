/** The four bytes of an address: 0x0a000001 is 10.0.0.1. */
export function ip4Bytes(address: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(address >>> 0);
  return bytes;
}

/** What a field in network byte order holds, as the codecs, which go by the machine's order, see it. */
export function net32(value: number): number {
  return ip4Bytes(value).readUInt32LE();
}

/** As {@link net32}. */
export function net16(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}
