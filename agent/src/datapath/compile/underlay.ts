import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { mapped } from './ip.js';

/** IPv4 in an IPv6 address (RFC 4291 2.5.5.2). */
const MAPPED_PREFIX = Buffer.from('00000000000000000000ffff', 'hex');

/** One text for each address, IPv6 as in RFC 5952; undefined if it is none. */
export function canonicalIp(text: string): string | undefined {
  if (isIP(text) === 0) return undefined;
  const address = ipaddr.parse(text);
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString();
}

/** 4 or 16 bytes. @param ip canonical text */
export function ipBytes(ip: string): Buffer {
  return Buffer.from(ipaddr.parse(ip).toByteArray());
}

export function isIp6(ip: string): boolean {
  return ip.includes(':');
}

export function sameFamily(a: string, b: string): boolean {
  return isIp6(a) === isIp6(b);
}

/** As struct iov_tunnel has it: 16 bytes, IPv4 mapped. */
export function rowAddress(ip: string): Buffer {
  return mapped(ipBytes(ip));
}

/** The text of what rowAddress() gave. */
export function rowAddressText(bytes: Uint8Array): string {
  const isMapped = MAPPED_PREFIX.equals(bytes.subarray(0, MAPPED_PREFIX.length));
  const address = ipaddr.fromByteArray([...(isMapped ? bytes.subarray(MAPPED_PREFIX.length) : bytes)]);
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString();
}
