import ipaddr from 'ipaddr.js';
import { AF_INET, AF_INET6 } from './constants.js';

/** An IP address as the kernel takes it. */
export interface IpBytes {
  /** AF_INET or AF_INET6. */
  readonly family: number;
  /** 4 or 16 bytes in network byte order. */
  readonly bytes: Uint8Array;
}

/** Throws an Error naming the text when it is no address. */
export function parseIp(text: string): IpBytes {
  if (!ipaddr.isValid(text) || (!text.includes(':') && !ipaddr.IPv4.isValidFourPartDecimal(text)))
    throw new Error(`"${text}" is not an IP address`);
  const address = ipaddr.parse(text);
  return {
    family: address.kind() === 'ipv4' ? AF_INET : AF_INET6,
    bytes: Uint8Array.from(address.toByteArray()),
  };
}

/** Text form, IPv6 as in RFC 5952; undefined when `bytes` has not the length of an address. */
export function formatIp(bytes: Buffer | undefined): string | undefined {
  if (bytes === undefined || (bytes.length !== 4 && bytes.length !== 16)) return undefined;
  const address = ipaddr.fromByteArray([...bytes]);
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString();
}

/** `aa:bb:cc:dd:ee:ff`; undefined for no or an empty hardware address. */
export function formatMac(bytes: Buffer | undefined): string | undefined {
  if (bytes === undefined || bytes.length === 0) return undefined;
  return bytes.toString('hex').replace(/..(?=.)/g, '$&:');
}
