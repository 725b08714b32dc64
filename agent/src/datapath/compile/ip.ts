import type { IpPrefix } from '@iovisor-ovn/proto';

/** The interface identifier of RFC 4291 Appendix A, as a link-local address (16 bytes). */
export function eui64LinkLocal(mac: Uint8Array): Buffer {
  const lla = Buffer.alloc(16);
  lla.set([0xfe, 0x80]);
  lla.set([mac[0]! ^ 0x02, mac[1]!, mac[2]!, 0xff, 0xfe, mac[3]!, mac[4]!, mac[5]!], 8);
  return lla;
}

/** Whether all bits behind the prefix are zero: then the element names a network, else one host. */
export function hostBitsAreZero({ address, prefixLength }: IpPrefix): boolean {
  return address.every((byte, index) => (byte & hostMask(index, prefixLength)) === 0);
}

/** The last address of the network, all host bits one. */
export function subnetBroadcast({ address, prefixLength }: IpPrefix): Buffer {
  return Buffer.from(address.map((byte, index) => byte | hostMask(index, prefixLength)));
}

function hostMask(index: number, prefixLength: number): number {
  const bits = Math.min(8, Math.max(0, prefixLength - index * 8));
  return 0xff >> bits;
}

/** 16 bytes: an IPv4 address as IPv4-mapped IPv6 (RFC 4291 2.5.5.2), an IPv6 address as it is. */
export function mapped(address: Uint8Array): Buffer {
  if (address.length === 16) return Buffer.from(address);
  return Buffer.concat([Buffer.from('00000000000000000000ffff', 'hex'), address]);
}

/** 10.0.0.1 as 0x0a000001, which is how the codecs carry `__be32`. */
export function ip4Number(address: Uint8Array): number {
  return Buffer.from(address).readUInt32BE(0);
}

/** Dotted text to the same number; undefined if it is no IPv4 address. */
export function parseIp4(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256))
    return undefined;
  return parts.reduce((value, part) => value * 256 + Number(part), 0);
}

export function formatIp4(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.');
}

export function formatMac(mac: Uint8Array): string {
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** "0a:00:…" to 6 bytes; undefined if it is none. */
export function parseMac(text: string): Buffer | undefined {
  return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text)
    ? Buffer.from(text.replaceAll(':', ''), 'hex')
    : undefined;
}

/** Four words as the codecs carry `__be32[4]`, in the short form of RFC 5952. */
export function formatIp6(words: readonly number[]): string {
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]);
  const zeroes = longestRun(groups);
  const text = (list: readonly number[]) => list.map((group) => group.toString(16)).join(':');
  if (zeroes.length < 2) return text(groups);
  return `${text(groups.slice(0, zeroes.at))}::${text(groups.slice(zeroes.at + zeroes.length))}`;
}

/** The first of the longest runs of zeroes. */
function longestRun(groups: readonly number[]): { at: number; length: number } {
  let longest = { at: 0, length: 0 };
  for (let at = 0; at < groups.length; at++) {
    const end = groups.findIndex((group, index) => index >= at && group !== 0);
    const length = (end < 0 ? groups.length : end) - at;
    if (length > longest.length) longest = { at, length };
  }
  return longest;
}
