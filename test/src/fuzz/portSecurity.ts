import { isIPv6 } from 'node:net';
import { ip6, linkLocalOf, mac } from '@iovisor-ovn/iomodules/testing';
import type { Deviation } from './deviations.js';
import {
  type ArpBody,
  hasL4,
  type Ip4Body,
  type Ip6Body,
  isGroup,
  isReadable,
  linkAddress,
  type NeighbourDiscovery,
  type Packet,
} from './packet.js';

/*
 * Port security once more, from ovn-nb(5) and from what ovn-controller 23.03 makes of it, independent of the IOModules and of
 * the coordinator: ovn-trace has a version of its own, which knows no networks, no duplicate address detection and only
 * the first element with a MAC.
 */

interface Prefix {
  address: Buffer;
  length: number;
}

interface Element {
  mac: Buffer;
  ip4: Prefix[];
  ip6: Prefix[];
}

/** What port security says, and the deviations that it followed. */
export interface Ruling {
  passes: boolean;
  because: Deviation[];
}

const yes: Ruling = { passes: true, because: [] };
const no: Ruling = { passes: false, because: [] };
const when = (passes: boolean): Ruling => (passes ? yes : no);
const by = (deviation: Deviation, { passes }: Ruling): Ruling => ({ passes, because: [deviation] });

/**
 * The valid elements: each begins with a MAC. OVN scans without looking for blanks: numbers of any length, of which the last
 * eight bits count, and the first thing that is no address ends it.
 */
function elementsOf(texts: readonly string[]): Element[] {
  return texts.flatMap((text) => {
    const match = /^\s*((?:[0-9a-f]+:){5}[0-9a-f]+)/i.exec(text);
    if (match === null) return [];
    const bytes = match[1]!.split(':').map((digits) => Number.parseInt(digits, 16) % 256);
    const element: Element = { mac: Buffer.from(bytes), ip4: [], ip6: [] };
    for (let rest = text.slice(match[0].length); ; ) {
      const found = firstPrefix(rest.trimStart());
      if (found === undefined) return [element];
      element[found.prefix.address.length === 4 ? 'ip4' : 'ip6'].push(found.prefix);
      rest = found.rest;
    }
  });
}

/** The address that a text begins with. One with a length that cannot be is none. */
function firstPrefix(text: string): { prefix: Prefix; rest: string } | undefined {
  const host = /^(\d+\.\d+\.\d+\.\d+|[0-9a-f:.]+)(.*)$/is.exec(text);
  const address = host === null ? undefined : bytesOf(host[1]!);
  if (host === null || address === undefined) return undefined;
  const mask = (
    address.length === 4 ? /^\/(\d+\.\d+\.\d+\.\d+|\d+)(.*)$/s : /^\/(\d+(?![0-9a-f:.])|[0-9a-f:.]+)(.*)$/is
  ).exec(host[2]!);
  if (mask === null) return { prefix: { address, length: address.length * 8 }, rest: host[2]! };
  const length = /^\d+$/.test(mask[1]!) ? Number(mask[1]) : maskLength(mask[1]!, address.length);
  return length <= address.length * 8 ? { prefix: { address, length }, rest: mask[2]! } : undefined;
}

/** Of a netmask; NaN when it is none. */
function maskLength(mask: string, length: number): number {
  const address = bytesOf(mask);
  if (address?.length !== length) return Number.NaN;
  return /^1*0*$/.test(bits(address)) ? bits(address).replaceAll('0', '').length : Number.NaN;
}

function bytesOf(text: string): Buffer | undefined {
  if (/^\d+(\.\d+){3}$/.test(text)) return Buffer.from(text.split('.').map((digits) => Number(digits) % 256));
  return isIPv6(text) ? ip6(text) : undefined;
}

/** Masked and without host bits: the network. Otherwise this address alone. */
function covers(prefix: Prefix, address: Buffer): boolean {
  if (!isNetwork(prefix)) return prefix.address.equals(address);
  return bits(prefix.address).slice(0, prefix.length) === bits(address).slice(0, prefix.length);
}

function isNetwork({ address, length }: Prefix): boolean {
  return length < address.length * 8 && !bits(address).slice(length).includes('1');
}

const bits = (address: Buffer): string =>
  [...address].map((byte) => byte.toString(2).padStart(8, '0')).join('');

/** The broadcast address of the subnet of a host given with its mask. */
function broadcastOf({ address, length }: Prefix): Buffer {
  const all = bits(address).slice(0, length).padEnd(32, '1');
  return Buffer.from(all.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2)));
}

/** May the port send this? */
export function maySend(portSecurity: readonly string[], packet: Packet): Ruling {
  if (portSecurity.length === 0) return yes;
  const all = elementsOf(portSecurity);
  if (all.length === 0) return by('garbageOnly', no);
  const source = mac(packet.src);
  const elements = all.filter((element) => element.mac.equals(source));
  if (elements.length === 0) return no;
  const { body } = packet;
  const anything = elements.some((element) => element.ip4.length + element.ip6.length === 0);
  switch (body.kind) {
    case 'other':
      return when(anything);
    case 'arp':
      return when(maySendArp(elements, anything, source, body));
    case 'ip4':
      return when(anything || maySendIp4(elements, body));
    case 'ip6':
      return maySendIp6(elements, anything, source, body);
  }
}

function maySendArp(elements: readonly Element[], anything: boolean, source: Buffer, arp: ArpBody): boolean {
  if (!arp.ethernet || !mac(arp.sha).equals(source)) return false;
  const sender = bytesOf(arp.spa)!;
  return anything || elements.some((element) => element.ip4.some((prefix) => covers(prefix, sender)));
}

function maySendIp4(elements: readonly Element[], packet: Ip4Body): boolean {
  const source = bytesOf(packet.src)!;
  if (elements.some((element) => element.ip4.some((prefix) => covers(prefix, source)))) return true;
  const { l4 } = packet;
  const asksForAddress =
    packet.src === '0.0.0.0' &&
    packet.dst === '255.255.255.255' &&
    hasL4(packet) &&
    l4.kind === 'udp' &&
    l4.sport === 68 &&
    l4.dport === 67;
  return asksForAddress && elements.some((element) => element.ip4.length > 0);
}

function maySendIp6(elements: readonly Element[], anything: boolean, mac: Buffer, packet: Ip6Body): Ruling {
  const source = bytesOf(packet.src)!;
  const restricted = elements.filter((element) => element.ip6.length > 0);
  if (!anything) {
    if (restricted.length === 0) return no;
    if (!listsIp6(restricted, mac, source) && !setsUpAddress(packet)) return no;
  }
  const { l4 } = packet;
  if (l4.kind !== 'nd' || !hasL4(packet) || packet.hops !== 255) return yes;
  return maySendNd(restricted, anything, mac, l4);
}

function listsIp6(elements: readonly Element[], mac: Buffer, address: Buffer): boolean {
  if (elements.length > 0 && linkLocalOf(mac).equals(address)) return true;
  return elements.some((element) => element.ip6.some((prefix) => covers(prefix, address)));
}

/** From the unspecified address: duplicate address detection and the multicast reports that go with it. */
function setsUpAddress(packet: Ip6Body): boolean {
  const { l4 } = packet;
  if (packet.src !== '::' || bytesOf(packet.dst)!.readUInt16BE(0) !== 0xff02 || !hasL4(packet)) return false;
  if (l4.kind === 'icmp6') return (l4.type === 131 || l4.type === 143) && l4.code === 0;
  return l4.kind === 'nd' && l4.type === 135 && l4.code === 0 && (l4.cut ?? 0) < l4.options.length * 8 + 20;
}

function maySendNd(
  restricted: readonly Element[],
  anything: boolean,
  source: Buffer,
  message: NeighbourDiscovery,
): Ruling {
  if (!isReadable(message)) return by('unreadableNd', no);
  const link = linkAddress(message);
  const zero = Buffer.alloc(6);
  if (link !== undefined && !mac(link).equals(zero) && !mac(link).equals(source))
    return by('ndIsChecked', no);
  if (message.type === 135) return yes;
  const own = anything || listsIp6(restricted, source, bytesOf(message.target)!);
  return by('ndIsChecked', when(own));
}

/** May the port receive this? Frames to group addresses always. */
export function mayReceive(portSecurity: readonly string[], packet: Packet): Ruling {
  if (portSecurity.length === 0 || isGroup(packet.dst)) return yes;
  const all = elementsOf(portSecurity);
  if (all.length === 0) return by('garbageOnly', no);
  const destination = mac(packet.dst);
  const elements = all.filter((element) => element.mac.equals(destination));
  if (elements.length === 0) return no;
  if (elements.every((element) => element.ip4.length + element.ip6.length === 0)) return yes;
  const { body } = packet;
  if (body.kind === 'ip4') return when(receivesIp4(elements, bytesOf(body.dst)!));
  if (body.kind === 'ip6') return when(receivesIp6(elements, destination, bytesOf(body.dst)!));
  return yes;
}

function receivesIp4(elements: readonly Element[], address: Buffer): boolean {
  const prefixes = elements.flatMap((element) => element.ip4);
  if (prefixes.length === 0) return false;
  if (address.readUInt32BE() === 0xffffffff || address[0]! >> 4 === 0xe) return true;
  return prefixes.some(
    (prefix) =>
      covers(prefix, address) ||
      (prefix.length < 32 && !isNetwork(prefix) && broadcastOf(prefix).equals(address)),
  );
}

function receivesIp6(elements: readonly Element[], mac: Buffer, address: Buffer): boolean {
  const restricted = elements.filter((element) => element.ip6.length > 0);
  if (restricted.length === 0) return false;
  return address[0] === 0xff || listsIp6(restricted, mac, address);
}
