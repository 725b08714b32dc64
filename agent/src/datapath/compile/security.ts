import type { IpPrefix, LogicalAddress, VrrpMac } from '@iovisor-ovn/proto';
import { iov_security_flag as flag } from '../abi.js';
import { eui64LinkLocal, hostBitsAreZero, ip4Number, subnetBroadcast } from './ip.js';

/** A range of addresses: `length` leading bits of `address` count (4 or 16 bytes). */
export interface Range {
  address: Buffer;
  length: number;
}

/** What port security allows for one MAC of a port. */
export interface SecurityElement {
  mac: Buffer;
  /** enum iov_security_flag */
  flags: number;
  /** As source. The EUI-64 link-local address, allowed with any IPv6 one, is known to the portsec module. */
  ingress: Range[];
  /** As destination: the same and the broadcast addresses of subnets given with a host part. */
  egress: Range[];
}

/** The one element of a port whose whole port security fits into struct iov_port. */
export interface InlineSecurity {
  security_mac: Buffer;
  security_flags: number;
  security_ip4: number;
  security_ip6: Buffer;
  security_lla: Buffer;
}

/** What only VRRPv3 elements make. */
const OF_VRRP =
  flag.IOV_SEC_VRRP4 |
  flag.IOV_SEC_VRRP6 |
  flag.IOV_SEC_PHYSICAL |
  flag.IOV_SEC_NO_NEIGHBOUR |
  flag.IOV_SEC_OUT_NOTHING;

/**
 * ovn-nb(5) port_security, one element a MAC (several rows with one MAC add up). What every element allows (DHCP
 * requests, multicast destinations, …) is known to the portsec module and in no map.
 */
export function securityElements(addresses: readonly LogicalAddress[]): SecurityElement[] {
  const byMac = new Map<string, SecurityElement>();
  const elementOf = (mac: Buffer): SecurityElement => {
    const id = mac.toString('latin1');
    const element = byMac.get(id) ?? { mac, flags: 0, ingress: [], egress: [] };
    byMac.set(id, element);
    return element;
  };
  const regular = new Set<SecurityElement>();
  for (const { mac, ips, vrrp } of addresses) {
    const element = elementOf(Buffer.from(mac));
    if (vrrp.length > 0) {
      element.flags |= flag.IOV_SEC_PHYSICAL;
      for (const { mac, family } of vrrp.flatMap(expanded)) addVirtual(elementOf(mac), family, ips);
      continue;
    }
    regular.add(element);
    if (ips.length === 0) element.flags |= flag.IOV_SEC_ANY;
    else element.flags |= flag.IOV_SEC_OUT_IP4 | flag.IOV_SEC_OUT_IP6;
    for (const ip of ips) addPrefix(element, ip);
  }
  for (const element of byMac.values()) {
    finish(element);
    if (regular.has(element)) continue;
    const virtual = element.flags & (flag.IOV_SEC_VRRP4 | flag.IOV_SEC_VRRP6);
    element.flags |= virtual ? flag.IOV_SEC_NO_NEIGHBOUR : flag.IOV_SEC_OUT_NOTHING;
  }
  return [...byMac.values()];
}

/** The single MACs that are meant, each with the length of its family's addresses. */
function expanded({ mac, prefixLength }: VrrpMac): { mac: Buffer; family: number }[] {
  const family = mac[4] === 1 ? 4 : 16;
  return Array.from({ length: 2 ** (48 - prefixLength) }, (_, router) => {
    const single = Buffer.from(mac);
    single[5]! |= router;
    return { mac: single, family };
  });
}

/** A virtual router's MAC: of the element's addresses those of its family count, and with none at all it may have any. */
function addVirtual(element: SecurityElement, family: number, ips: readonly IpPrefix[]): void {
  element.flags |= family === 4 ? flag.IOV_SEC_VRRP4 : flag.IOV_SEC_VRRP6;
  if (ips.length === 0) element.flags |= flag.IOV_SEC_ANY;
  else element.flags |= family === 4 ? flag.IOV_SEC_OUT_IP4 : flag.IOV_SEC_OUT_IP6;
  for (const ip of ips) if (ip.address.length === family) addPrefix(element, ip);
}

/** Masked with zero host bits means the network, else only the host (and, towards it, its subnet's broadcast). */
function addPrefix(element: SecurityElement, ip: IpPrefix): void {
  const address = Buffer.from(ip.address);
  const bits = address.length * 8;
  const network = ip.prefixLength < bits && hostBitsAreZero(ip);
  const range = { address, length: network ? ip.prefixLength : bits };
  element.flags |= bits === 32 ? flag.IOV_SEC_IP4 : flag.IOV_SEC_IP6;
  element.ingress.push(range);
  element.egress.push(range);
  if (bits === 32 && !network && ip.prefixLength < 32) {
    element.egress.push({ address: subnetBroadcast(ip), length: 32 });
  }
}

function finish(element: SecurityElement): void {
  element.ingress = normalized(element.ingress);
  element.egress = normalized(element.egress);
}

/** Sorted, each once: equal lists must give equal map contents, in whatever order they were written. */
function normalized(ranges: readonly Range[]): Range[] {
  const byText = new Map(ranges.map((range) => [rangeText(range), range]));
  return [...byText.keys()].sort().map((text) => byText.get(text)!);
}

export function rangeText({ address, length }: Range): string {
  return `${address.toString('hex')}/${length}`;
}

/** Names what an element allows: two elements with equal signatures have equal map contents. */
export function elementSignature(element: Pick<SecurityElement, 'ingress' | 'egress'>): string {
  return `${element.ingress.map(rangeText).join()};${element.egress.map(rangeText).join()}`;
}

/** The inline form, when there is one element with at most one plain address a family. */
export function inlineSecurity(elements: readonly SecurityElement[]): InlineSecurity | undefined {
  const [element] = elements;
  if (element === undefined || elements.length !== 1) return undefined;
  if (element.flags & OF_VRRP) return undefined;
  // "any L3" beside listed addresses is an egress restriction only: too rare for the fast path.
  if (element.flags & flag.IOV_SEC_ANY && element.flags !== flag.IOV_SEC_ANY) return undefined;
  const lla = eui64LinkLocal(element.mac);
  const ip4 = element.egress.filter(({ address }) => address.length === 4);
  const ip6 = element.egress.filter(({ address }) => address.length === 16 && !address.equals(lla));
  if (ip4.length > 1 || ip6.length > 1) return undefined;
  if ([...ip4, ...ip6].some(({ address, length }) => length !== address.length * 8)) return undefined;
  return {
    security_mac: element.mac,
    security_flags: element.flags,
    security_ip4: ip4[0] === undefined ? 0 : ip4Number(ip4[0].address),
    // With only its own link-local address listed, that is the address.
    security_ip6: ip6[0]?.address ?? (element.flags & flag.IOV_SEC_IP6 ? lla : Buffer.alloc(16)),
    security_lla: lla,
  };
}
