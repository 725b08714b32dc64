import { isIPv6 } from 'node:net';
import type { IpPrefix, LogicalAddress } from '@iovisor-ovn/proto';
import ipaddr from 'ipaddr.js';

/** What one element of Logical_Switch_Port.addresses means (ovn-nb(5)). */
export type ParsedAddress =
  | { kind: 'address'; address: LogicalAddress; rest: string }
  | { kind: 'unknown' | 'router' | 'dynamic' }
  | { kind: 'invalid' };

// As OVN scans: of longer numbers the last byte counts, and what sticks to an address only ends it.
const macPattern = /^\s*([0-9a-f]+)((?::[0-9a-f]+){5})/i;
const ip4Scan = /^(\d+)\.(\d+)\.(\d+)\.(\d+)/;
const ip6Scan = /^[0-9a-f:.]{1,46}/i;
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
  const mac = Buffer.from(
    `${match[1]}${match[2]}`.split(':').map((part) => Number.parseInt(part.slice(-2), 16)),
  );
  const ips: IpPrefix[] = [];
  let rest = text.slice(match[0].length).trim();
  while (rest !== '') {
    const scanned = scanIpPrefix(rest);
    if (!scanned) break;
    ips.push(scanned.prefix);
    rest = rest.slice(scanned.length).trimStart();
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
  const scanned = scanIpPrefix(text);
  return scanned?.length === text.length ? scanned.prefix : undefined;
}

/** The same at the start of a text, and how many characters it takes. */
function scanIpPrefix(text: string): { prefix: IpPrefix; length: number } | undefined {
  const host = scanIp(text);
  if (!host) return undefined;
  const { address, length } = host;
  const bits = address.length * 8;
  const rest = text.slice(length + 1);
  const mask = text[length] === '/' ? (scanIp(rest, address.length) ?? scanNumber(rest)) : undefined;
  // A slash before nothing that could be a length ends the address.
  if (!mask) return { prefix: { address, prefixLength: bits }, length };
  const prefixLength = 'number' in mask ? mask.number : maskLength(mask.address);
  if (prefixLength === undefined || prefixLength > bits) return undefined;
  return { prefix: { address, prefixLength }, length: length + 1 + mask.length };
}

function scanIp(text: string, bytes?: number): { address: Buffer; length: number } | undefined {
  const ip4 = bytes === 16 ? null : ip4Scan.exec(text);
  if (ip4)
    return { address: Buffer.from(ip4.slice(1).map((part) => Number(part) & 0xff)), length: ip4[0].length };
  const ip6 = bytes === 4 ? '' : (ip6Scan.exec(text)?.[0] ?? '');
  return isIPv6(ip6) ? { address: ipBytes(ip6)!, length: ip6.length } : undefined;
}

function scanNumber(text: string): { number: number; length: number } | undefined {
  const digits = /^\d{1,9}/.exec(text)?.[0];
  return digits === undefined ? undefined : { number: Number(digits), length: digits.length };
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

/** The same as text, as inet_ntop(3) writes it; undefined when it is of another length. */
export function ipText(bytes: Uint8Array): string | undefined {
  return bytes.length === 4 || bytes.length === 16 ? ipaddr.fromByteArray([...bytes]).toString() : undefined;
}

/** Length of a netmask written as an address; undefined when it is not contiguous. */
function maskLength(mask: Buffer): number | undefined {
  const bits = [...mask].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits) ? bits.lastIndexOf('1') + 1 : undefined;
}
