import { isIPv6 } from 'node:net';
import { ip6, linkLocalOf, mac } from '@iovisor-ovn/iomodules/testing';
import type { Deviation } from './deviations.js';
import {
  type ArpBody,
  hasL4,
  type Ip4Body,
  type Ip6Body,
  isBare,
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

/** A VRRPv3 element of OVN main: `mac` is the physical one. */
interface VrrpElement extends Element {
  /** The beginnings, in bits, of its virtual routers' MACs. */
  virtual: string[];
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

/** The valid VRRPv3 elements. Here, unlike in the others, one bad word spoils all. */
function vrrpElementsOf(texts: readonly string[]): VrrpElement[] {
  return texts.flatMap((text) => {
    if (!text.startsWith('VRRPv3 ')) return [];
    const [physical, ...words] = text.slice(7).split(' ').filter(Boolean);
    const [own] = elementsOf([physical ?? '']);
    if (own === undefined) return [];
    const element: VrrpElement = { ...own, virtual: [] };
    for (const word of words) {
      const [address = '', length = '48'] = word.split('/');
      const [router] = elementsOf([address]);
      if (router !== undefined) {
        const all = bits(router.mac);
        const wrong = Number(length) < 40 || all.slice(Number(length)).includes('1');
        if (wrong || !/^00005e0001|^00005e0002/.test(router.mac.toString('hex'))) return [];
        if (length === '48' && router.mac[5] === 0) return [];
        element.virtual.push(all.slice(0, Number(length)));
      } else {
        const found = firstPrefix(word);
        if (found === undefined || found.rest !== '') return [];
        element[found.prefix.address.length === 4 ? 'ip4' : 'ip6'].push(found.prefix);
      }
    }
    if (element.virtual.length === 0)
      element.virtual = ['00005e000100', '00005e000200'].map((mac) =>
        bits(Buffer.from(mac, 'hex')).slice(0, 40),
      );
    return [element];
  });
}

const isVirtual = ({ virtual }: VrrpElement, address: Buffer, family: 1 | 2): boolean =>
  address[4] === family && virtual.some((start) => bits(address).startsWith(start));

/** What a VRRPv3 element lets a port send. */
function vrrpMaySend(element: VrrpElement, { src, body }: Packet): boolean {
  const source = mac(src);
  const none = element.ip4.length + element.ip6.length === 0;
  const family = isVirtual(element, source, 1) ? 1 : isVirtual(element, source, 2) ? 2 : 0;
  if (body.kind === 'arp') {
    if (!body.ethernet || !element.mac.equals(source) || !isVirtual(element, mac(body.sha), 1)) return false;
    return none || element.ip4.some((prefix) => covers(prefix, bytesOf(body.spa)!));
  }
  if (family === 0 || isNeighbourDiscovery(body)) return false;
  if (none) return true;
  if (body.kind === 'ip4') return family === 1 && maySendIp4([element], body);
  if (body.kind !== 'ip6' || family !== 2 || element.ip6.length === 0) return false;
  return listsIp6([element], source, bytesOf(body.src)!) || setsUpAddress(body);
}

const isNeighbourDiscovery = (body: Packet['body']): boolean =>
  body.kind === 'ip6' && body.l4.kind === 'nd' && hasL4(body) && body.hops === 255;

/** Whether a VRRPv3 element allows what an NS or NA of its physical MAC says; as an IPv6 packet it is admitted already. */
function vrrpMaySendNd(element: VrrpElement, source: Buffer, message: NeighbourDiscovery): boolean {
  const link = linkAddress(message);
  if (link === undefined || !element.mac.equals(source) || !isVirtual(element, mac(link), 2)) return false;
  return (
    message.type === 135 || element.ip6.length === 0 || listsIp6([element], source, bytesOf(message.target)!)
  );
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
  const vrrp = vrrpElementsOf(portSecurity);
  if (vrrp.length === 0) return regularMaySend(portSecurity, packet);
  const regular = elementsOf(portSecurity).length === 0 ? no : regularMaySend(portSecurity, packet, vrrp);
  return by('vrrp', when(regular.passes || vrrp.some((element) => vrrpMaySend(element, packet))));
}

function regularMaySend(
  portSecurity: readonly string[],
  packet: Packet,
  vrrp: readonly VrrpElement[] = [],
): Ruling {
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
      return maySendIp6(elements, anything, source, body, vrrp);
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

function maySendIp6(
  elements: readonly Element[],
  anything: boolean,
  mac: Buffer,
  packet: Ip6Body,
  vrrp: readonly VrrpElement[],
): Ruling {
  const source = bytesOf(packet.src)!;
  const restricted = elements.filter((element) => element.ip6.length > 0);
  if (!anything) {
    if (restricted.length === 0) return no;
    if (!listsIp6(restricted, mac, source) && !setsUpAddress(packet)) return no;
  }
  const { l4 } = packet;
  if (l4.kind !== 'nd' || !hasL4(packet) || packet.hops !== 255) return yes;
  if (isReadable(l4) && vrrp.some((element) => vrrpMaySendNd(element, mac, l4))) return yes;
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
  if (message.type === 135 && message.code === 0 && isBare(message)) return yes;
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
  const vrrp = vrrpElementsOf(portSecurity);
  if (vrrp.length > 0) return by('vrrp', when(receivesBeside(vrrp, elementsOf(portSecurity), packet)));
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

/** The flows of ovn-controller: a MAC is allowed (85), its restricted family is not (90), what is listed of it is (95). */
function receivesBeside(vrrp: readonly VrrpElement[], regular: readonly Element[], packet: Packet): boolean {
  const destination = mac(packet.dst);
  const own = regular.filter((element) => element.mac.equals(destination));
  const fours = vrrp.filter((element) => isVirtual(element, destination, 1));
  const sixes = vrrp.filter((element) => isVirtual(element, destination, 2));
  const { body } = packet;
  if (own.length + fours.length + sixes.length === 0) return false;
  if (body.kind !== 'ip4' && body.kind !== 'ip6') return true;
  const concerned = [...own, ...(body.kind === 'ip4' ? fours : sixes)];
  if (concerned.every(({ ip4, ip6 }) => ip4.length + ip6.length === 0)) return true;
  const address = bytesOf(body.dst)!;
  return body.kind === 'ip4' ? receivesIp4(concerned, address) : receivesIp6(concerned, destination, address);
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
