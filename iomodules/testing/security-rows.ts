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
  const elements = merge(portSecurity.map(parseElement));
  const [only] = elements;
  const simple = inline && elements.length === 1 && only !== undefined && inlineRow(only);
  if (simple) return simple;
  for (const [i, element] of elements.entries()) writeElement(maps, port, port * 64 + i, element);
  return { flags: iov_port_flag.IOV_PORT_SECURITY };
}

function parseElement(text: string): Element {
  const [address = '', ...ips] = text.split(' ');
  const element: Element = {
    mac: mac(address),
    flags: ips.length ? 0 : flag.IOV_SEC_ANY,
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
  for (const element of elements) {
    const known = byMac.get(element.mac.toString('hex'));
    if (known === undefined) byMac.set(element.mac.toString('hex'), element);
    else {
      known.flags |= element.flags;
      known.ingress.push(...element.ingress);
      known.egress.push(...element.egress);
    }
  }
  return [...byMac.values()];
}

function inlineRow(element: Element): Partial<iov_port> | undefined {
  const { IOV_SEC_ANY } = flag;
  if (element.flags & IOV_SEC_ANY && element.flags !== IOV_SEC_ANY) return undefined;
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
