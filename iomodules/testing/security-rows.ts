import type { BpfMap } from '@iovisor-ovn/libbpf';
import {
  iov_security_flag as flag,
  type iov_port,
  iov_port_flag,
  iov_security_ip4_keyCodec,
  iov_security_ip6_keyCodec,
  iov_security_keyCodec,
  iov_securityCodec,
} from '../gen/abi.js';
import type { IovMapName } from '../shared-maps.js';
import { ip4, ip4Bytes, ip6, linkLocalOf, mac } from './address.js';

const EGRESS = 0x80000000;
const one = Buffer.from([1]);

interface Range {
  address: Buffer;
  length: number;
}

interface Element {
  mac: Buffer;
  flags: number;
  ingress: Range[];
  egress: Range[];
}

/**
 * Writes a port's port security, in ovn-nb(5)'s syntax, into the maps. Uses the inline form where the ABI allows it
 * (`inline`: false forbids it, so that a test can see both forms agree).
 * @returns what belongs into the port's row
 */
export function writeSecurity(
  maps: Readonly<Record<IovMapName, BpfMap>>,
  port: number,
  portSecurity: readonly string[],
  inline = true,
): Partial<iov_port> {
  const elements = merge(portSecurity.flatMap(parseElements));
  const [only] = elements;
  const simple = inline && elements.length === 1 && only !== undefined && inlineRow(only);
  if (simple) return simple;
  for (const [i, element] of elements.entries()) writeElement(maps, port, port * 1024 + i, element);
  return { flags: iov_port_flag.IOV_PORT_SECURITY };
}

/** An element, or what a VRRPv3 one with its virtual routers' MACs written out comes to. */
function parseElements(text: string): Element[] {
  const [label, physical = '', ...words] = text.split(' ');
  if (label !== 'VRRPv3') return [parseElement(text)];
  const isVirtual = (word: string) => word.startsWith('00:00:5e:');
  const ips = words.filter((word) => !isVirtual(word));
  const elements = [
    {
      mac: mac(physical),
      flags: flag.IOV_SEC_PHYSICAL | flag.IOV_SEC_OUT_NOTHING,
      ingress: [],
      egress: [],
    } as Element,
  ];
  for (const word of words.filter(isVirtual)) {
    const [first = '', length = '48'] = word.split('/');
    const is4 = first.startsWith('00:00:5e:00:01:');
    for (let i = 0; i < 2 ** (48 - Number(length)); i++) {
      const own = parseElement([first, ...ips.filter((ip) => is4 !== ip.includes(':'))].join(' '));
      own.mac[5]! += i;
      own.flags &= flag.IOV_SEC_IP4 | flag.IOV_SEC_IP6;
      if (ips.length === 0) own.flags |= flag.IOV_SEC_ANY;
      else own.flags |= is4 ? flag.IOV_SEC_OUT_IP4 : flag.IOV_SEC_OUT_IP6;
      own.flags |= flag.IOV_SEC_NO_NEIGHBOUR | (is4 ? flag.IOV_SEC_VRRP4 : flag.IOV_SEC_VRRP6);
      elements.push(own);
    }
  }
  return elements;
}

function parseElement(text: string): Element {
  const [address = '', ...ips] = text.split(' ');
  const element: Element = {
    mac: mac(address),
    flags: ips.length ? flag.IOV_SEC_OUT_IP4 | flag.IOV_SEC_OUT_IP6 : flag.IOV_SEC_ANY,
    ingress: [],
    egress: [],
  };
  for (const ip of ips) addIp(element, ip);
  return element;
}

function addIp(element: Element, text: string): void {
  const [ip = '', length] = text.split('/');
  const address = ip.includes(':') ? ip6(ip) : ip4Bytes(ip4(ip));
  const bits = address.length * 8;
  const prefix = length === undefined ? bits : Number(length);
  const network = masked(address, prefix).equals(address);
  const range = { address, length: network ? prefix : bits };
  element.flags |= bits === 32 ? flag.IOV_SEC_IP4 : flag.IOV_SEC_IP6;
  element.ingress.push(range);
  element.egress.push(range);
  if (bits === 32 && !network) {
    const broadcast = ip4Bytes((address.readUInt32BE() | (0xffffffff >>> prefix)) >>> 0);
    element.egress.push({ address: broadcast, length: 32 });
  }
}

function masked(address: Buffer, prefix: number): Buffer {
  return Buffer.from(address.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, prefix - i * 8)))));
}

function merge(elements: Element[]): Element[] {
  const byMac = new Map<string, Element>();
  const vrrp = flag.IOV_SEC_PHYSICAL | flag.IOV_SEC_VRRP4 | flag.IOV_SEC_VRRP6;
  const regular = new Set(elements.filter(({ flags }) => !(flags & vrrp)).map((e) => e.mac.toString('hex')));
  for (const element of elements) {
    const known = byMac.get(element.mac.toString('hex'));
    if (known === undefined) byMac.set(element.mac.toString('hex'), element);
    else {
      known.flags |= element.flags;
      known.ingress.push(...element.ingress);
      known.egress.push(...element.egress);
    }
  }
  for (const element of byMac.values()) {
    const { IOV_SEC_NO_NEIGHBOUR, IOV_SEC_OUT_NOTHING } = flag;
    // Both are for MACs that VRRPv3 elements alone name.
    if (regular.has(element.mac.toString('hex')))
      element.flags &= ~(IOV_SEC_NO_NEIGHBOUR | IOV_SEC_OUT_NOTHING);
    if (element.flags & IOV_SEC_NO_NEIGHBOUR) element.flags &= ~IOV_SEC_OUT_NOTHING;
  }
  return [...byMac.values()];
}

function inlineRow(element: Element): Partial<iov_port> | undefined {
  const { IOV_SEC_ANY } = flag;
  const vrrp = flag.IOV_SEC_PHYSICAL | flag.IOV_SEC_VRRP4 | flag.IOV_SEC_VRRP6;
  if (element.flags & vrrp || (element.flags & IOV_SEC_ANY && element.flags !== IOV_SEC_ANY))
    return undefined;
  if (element.egress.some(({ address, length }) => length !== address.length * 8)) return undefined;
  const ofLength = (bytes: number) => element.egress.filter(({ address }) => address.length === bytes);
  const [v4, v6] = [ofLength(4), ofLength(16)];
  if (v4.length > 1 || v6.length > 1) return undefined;
  return {
    flags: iov_port_flag.IOV_PORT_SECURITY | iov_port_flag.IOV_PORT_SECURITY_ONE,
    security_mac: element.mac,
    security_flags: element.flags,
    security_ip4: v4[0]?.address.readUInt32BE() ?? 0,
    security_ip6: v6[0]?.address ?? Buffer.alloc(16),
    security_lla: linkLocalOf(element.mac),
  };
}

function writeElement(
  maps: Readonly<Record<IovMapName, BpfMap>>,
  port: number,
  number: number,
  element: Element,
): void {
  const key = iov_security_keyCodec.encode({ port, mac: element.mac });
  maps.iov_security.update(key, iov_securityCodec.encode({ flags: element.flags, element: number }));
  const write = (direction: number, { address, length }: Range) => {
    const start = { prefix_length: 32 + length, element: (number + direction) >>> 0 };
    if (address.length === 4) {
      const ip = address.readUInt32BE();
      maps.iov_security_ip4.update(iov_security_ip4_keyCodec.encode({ ...start, ip }), one);
    } else {
      maps.iov_security_ip6.update(iov_security_ip6_keyCodec.encode({ ...start, ip: address }), one);
    }
  };
  for (const range of element.ingress) write(0, range);
  for (const range of element.egress) write(EGRESS, range);
}
