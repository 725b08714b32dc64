import { isIPv6 } from 'node:net';
import type { IpPrefix, LogicalAddress, VrrpMac } from '@iovisor-ovn/proto';
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
  const mac = macOf(match);
  const ips: IpPrefix[] = [];
  let rest = text.slice(match[0].length).trim();
  while (rest !== '') {
    const scanned = scanIpPrefix(rest);
    if (!scanned) break;
    ips.push(scanned.prefix);
    rest = rest.slice(scanned.length).trimStart();
  }
  return { address: { mac, ips, vrrp: [] }, rest };
}

function macOf(match: RegExpExecArray): Buffer {
  const parts = `${match[1]}${match[2]}`.split(':');
  return Buffer.from(parts.map((part) => Number.parseInt(part.slice(-2), 16)));
}

/** Starts an element of port_security for virtual routers, as OVN looks for it. */
const VRRP = 'VRRPv3';

/**
 * Parses one element of Logical_Switch_Port.port_security: "MAC [IP[/PLEN] …]" as parseMacAndIps(), or
 * "VRRPv3 MAC [VRRP_MAC[/40..48] | IP[/PLEN]] …" as ovn-controller does since it knows these: one word that is wrong makes
 * the whole element void. Without a VRRP MAC all of both families are meant. Returns a text
 * when it is none, saying of the element what is wrong. Never throws.
 */
export function parsePortSecurity(text: string): { address: LogicalAddress; rest: string } | string {
  if (!text.startsWith(VRRP)) return parseMacAndIps(text) ?? 'is not understood (wanted: MAC [IP[/LEN] …])';
  const match = macPattern.exec(text.slice(VRRP.length + 1));
  if (!match) return `has no MAC behind ${VRRP} (wanted: ${VRRP} MAC [VRRP_MAC[/LEN] …] [IP[/LEN] …])`;
  const ips: IpPrefix[] = [];
  const vrrp: VrrpMac[] = [];
  const words = text.slice(VRRP.length + 1 + match[0].length).split(' ');
  for (const word of words.filter((w) => w !== '')) {
    const virtual = parseVrrpMac(word);
    if (typeof virtual === 'string') return `is void: ${word} ${virtual}`;
    if (virtual !== undefined) {
      vrrp.push(virtual);
      continue;
    }
    const ip = parseIpPrefix(word);
    if (ip === undefined)
      return `is void: "${word}" is neither an IP address nor the MAC of a virtual router`;
    ips.push(ip);
  }
  if (vrrp.length === 0) {
    for (const family of [1, 2])
      vrrp.push({ mac: Buffer.from([0, 0, 0x5e, 0, family, 0]), prefixLength: 40 });
  }
  return { address: { mac: macOf(match), ips, vrrp }, rest: '' };
}

/** "MAC", "MAC/LEN" or "MAC/MASK" of virtual routers (RFC 5798, 7.3); a text when it is a MAC but not one of them. */
function parseVrrpMac(word: string): VrrpMac | string | undefined {
  const match = macPattern.exec(word);
  if (!match) return undefined;
  const mac = macOf(match);
  const prefixLength = macPrefixLength(word.slice(match[0].length));
  if (prefixLength === undefined || prefixLength < 40 || prefixLength > 48) {
    return 'has a prefix length that is not within 40..48';
  }
  const range = mac.toString('hex', 0, 5);
  if (range !== '00005e0001' && range !== '00005e0002') {
    return 'is no MAC of a virtual router (00:00:5e:00:01:xx for IPv4, 00:00:5e:00:02:xx for IPv6)';
  }
  if (mac[5]! & (0xff >> (prefixLength - 40))) return 'has bits set beyond its prefix length';
  if (prefixLength === 48 && mac[5] === 0) return 'ends in 0, which no virtual router has';
  return { mac, prefixLength };
}

/** Of what stands behind a MAC; undefined when it is no contiguous mask. */
function macPrefixLength(text: string): number | undefined {
  if (!text.startsWith('/')) return 48;
  const mask = macPattern.exec(text.slice(1));
  if (mask) return maskLength(macOf(mask));
  return scanNumber(text.slice(1))?.number;
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
