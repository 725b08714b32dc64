import { isIPv6 } from 'node:net';
import type { IpPrefix, LogicalAddress } from '@iovisor-ovn/proto';
import ipaddr from 'ipaddr.js';

/** What one element of Logical_Switch_Port.addresses means (ovn-nb(5)). */
export type ParsedAddress =
  | { kind: 'address'; address: LogicalAddress; rest: string }
  | { kind: 'unknown' | 'router' | 'dynamic' }
  | { kind: 'invalid' };

const macPattern = /^\s*([0-9a-f]{1,2})((?::[0-9a-f]{1,2}){5})(?=\s|$)/i;
const octet = '(?:25[0-5]|2[0-4]\\d|[01]?\\d?\\d)';
const ip4Pattern = new RegExp(`^${octet}(?:\\.${octet}){3}$`);

/**
 * Parses "MAC [IP[/PLEN] …]" as northd and ovn-controller do (extract_lsp_addresses): the first thing that is not an
 * address ends the element; what was read before it counts. `rest` is that unread text, empty when all was read.
 * Returns undefined without a MAC at the start. Never throws.
 */
export function parseMacAndIps(text: string): { address: LogicalAddress; rest: string } | undefined {
  const match = macPattern.exec(text);
  if (!match) return undefined;
  const mac = Buffer.from(`${match[1]}${match[2]}`.split(':').map((part) => Number.parseInt(part, 16)));
  const ips: IpPrefix[] = [];
  let rest = text.slice(match[0].length).trim();
  while (rest !== '') {
    const token = /^\S+/.exec(rest)?.[0] ?? rest;
    const prefix = parseIpPrefix(token);
    if (!prefix) break;
    ips.push(prefix);
    rest = rest.slice(token.length).trimStart();
  }
  return { address: { mac, ips }, rest };
}

/** Parses one element of Logical_Switch_Port.addresses. Never throws. */
export function parseAddress(text: string): ParsedAddress {
  if (text === 'unknown' || text === 'router') return { kind: text };
  if (isDynamic(text)) return { kind: 'dynamic' };
  const parsed = parseMacAndIps(text);
  return parsed ? { kind: 'address', ...parsed } : { kind: 'invalid' };
}

/** Parses "IP", "IP/PLEN" or "IP/MASK" of either family, keeping host bits; undefined when it is none of them. */
export function parseIpPrefix(text: string): IpPrefix | undefined {
  const [host = '', mask, ...more] = text.split('/');
  if (more.length > 0) return undefined;
  const address = ipBytes(host);
  if (!address) return undefined;
  const bits = address.length * 8;
  if (mask === undefined) return { address, prefixLength: bits };
  const prefixLength = /^\d{1,3}$/.test(mask) ? Number(mask) : maskLength(mask, address.length);
  return prefixLength !== undefined && prefixLength <= bits ? { address, prefixLength } : undefined;
}

/** "aa:bb:cc:dd:ee:ff" as 6 bytes; undefined when it is no MAC. */
export function macBytes(text: string): Buffer | undefined {
  const parsed = parseMacAndIps(text);
  return parsed && parsed.rest === '' && parsed.address.ips.length === 0
    ? Buffer.from(parsed.address.mac)
    : undefined;
}

/** "dynamic", "dynamic IP", "dynamic IP4 IP6", "MAC dynamic". */
function isDynamic(text: string): boolean {
  const words = text.trim().split(/\s+/);
  if (words[0] === 'dynamic') {
    return words.length <= 3 && words.slice(1).every((word) => ipBytes(word) !== undefined);
  }
  return words.length === 2 && words[1] === 'dynamic' && macPattern.test(words[0] ?? '');
}

/** A plain address of either family in network byte order, 4 or 16 bytes; undefined when it is none. */
export function ipBytes(text: string): Buffer | undefined {
  if (ip4Pattern.test(text)) return Buffer.from(text.split('.').map(Number));
  if (text.includes('%') || !isIPv6(text)) return undefined;
  return Buffer.from(ipaddr.IPv6.parse(text).toByteArray());
}

/** Length of a netmask written as an address; undefined when it is not contiguous or of the other family. */
function maskLength(text: string, bytes: number): number | undefined {
  const mask = ipBytes(text);
  if (mask?.length !== bytes) return undefined;
  const bits = [...mask].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits) ? bits.lastIndexOf('1') + 1 : undefined;
}
