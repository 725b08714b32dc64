import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** A number as OVN's expressions write it: decimal, 0x hexadecimal, Ethernet, IPv4 or IPv6 address. */
export interface Constant {
  value: bigint;
  /** Of the notation: 48 for a MAC; undefined for plain numbers, which fit anything that is wide enough. */
  width?: 32 | 48 | 128;
  /** Characters it takes. */
  length: number;
}

const colons = /^[0-9a-f:][0-9a-f:.]*/i;
const mac = /^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i;
const ip4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?![\w:]|\.(?!\.))/;
const hexadecimal = /^0x[0-9a-f]+/i;
const decimal = /^\d+/;

/** The constant that `text` begins with; undefined when it begins with none. Never throws. */
export function readConstant(text: string): Constant | undefined {
  const address = colons.exec(text)?.[0] ?? '';
  if (address.includes(':')) {
    if (mac.test(address)) return { value: macValue(address), width: 48, length: address.length };
    if (isIPv6(address)) return { value: ip6Value(address), width: 128, length: address.length };
  }
  const octets = ip4.exec(text);
  if (octets?.slice(1).every((octet) => Number(octet) < 256)) {
    const value = octets.slice(1).reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
    return { value, width: 32, length: octets[0].length };
  }
  const digits = (hexadecimal.exec(text) ?? decimal.exec(text))?.[0];
  return digits === undefined ? undefined : { value: BigInt(digits), length: digits.length };
}

function macValue(text: string): bigint {
  return text.split(':').reduce((sum, byte) => sum * 256n + BigInt(`0x${byte}`), 0n);
}

function ip6Value(text: string): bigint {
  return ipaddr.IPv6.parse(text)
    .toByteArray()
    .reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
}
