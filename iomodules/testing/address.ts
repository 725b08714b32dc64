/** '02:00:00:00:00:01' → 6 bytes. */
export function mac(text: string): Buffer {
  const bytes = text.split(':').map((part) => Number.parseInt(part, 16));
  if (bytes.length !== 6 || bytes.some((byte) => !(byte >= 0 && byte <= 255)))
    throw new Error(`not a MAC address: ${text}`);
  return Buffer.from(bytes);
}

/** '10.0.0.1' → 0x0a000001. */
export function ip4(text: string): number {
  const bytes = text.split('.').map(Number);
  if (bytes.length !== 4 || bytes.some((byte) => !(byte >= 0 && byte <= 255)))
    throw new Error(`not an IPv4 address: ${text}`);
  return Buffer.from(bytes).readUInt32BE();
}

/** 'fd00::1' → 16 bytes. */
export function ip6(text: string): Buffer {
  const [head, tail, more] = text.split('::');
  const words = (part: string | undefined) =>
    part ? part.split(':').map((word) => Number.parseInt(word, 16)) : [];
  const [left, right] = [words(head), words(tail)];
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const all = [...left, ...Array<number>(Math.max(zeros, 0)).fill(0), ...right];
  if (more !== undefined || all.length !== 8 || all.some((word) => !(word >= 0 && word <= 0xffff)))
    throw new Error(`not an IPv6 address: ${text}`);
  const bytes = Buffer.alloc(16);
  for (const [i, word] of all.entries()) bytes.writeUInt16BE(word, i * 2);
  return bytes;
}

/** The four bytes of an address given as a number. */
export function ip4Bytes(address: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(address >>> 0);
  return bytes;
}

/** fe80::/64 and the EUI-64 of the MAC (RFC 4291 appendix A). */
export function linkLocalOf(address: Buffer): Buffer {
  const [a = 0, b, c, d, e, f] = address;
  return Buffer.from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b!, c!, 0xff, 0xfe, d!, e!, f!]);
}
