import {
  arp,
  echo,
  ether,
  icmp6,
  ipv4,
  ipv6,
  linkOption,
  mac,
  nd,
  tcp,
  udp,
} from '@iovisor-ovn/iomodules/testing';

/** What is behind an IP header. */
export type L4 =
  | { kind: 'udp' | 'tcp'; sport: number; dport: number }
  | { kind: 'echo' }
  | { kind: 'icmp6'; type: number; code: number }
  | NeighbourDiscovery
  | { kind: 'protocol'; number: number };

/** A neighbour solicitation or advertisement (RFC 4861). */
export interface NeighbourDiscovery {
  kind: 'nd';
  type: 135 | 136;
  target: string;
  code: number;
  /** Link-layer options: 1 of the source, 2 of the target. */
  options: readonly { type: 1 | 2; mac: string }[];
  /** Bytes missing at the end, by the IPv6 header too. */
  cut?: number;
}

export interface ArpBody {
  kind: 'arp';
  op: number;
  sha: string;
  spa: string;
  tha: string;
  tpa: string;
  /** false: of a hardware that is not Ethernet, so that nobody can read it. */
  ethernet: boolean;
}

/**
 * How an IP header lies: the version is another, or it is longer than the frame. (A frame that ends within its IP header is
 * nothing that the kernel would run a test with.)
 */
export type Lie = 'version' | 'length';

export interface Ip4Body {
  kind: 'ip4';
  src: string;
  dst: string;
  ttl: number;
  /** 8 bytes of no-operation options. */
  options: boolean;
  fragment?: 'first' | 'later';
  lie?: Lie;
  l4: L4;
}

export interface Ip6Body {
  kind: 'ip6';
  src: string;
  dst: string;
  hops: number;
  /** Extension headers before l4: hop-by-hop 0, routing 43, destination options 60. */
  extensions: readonly number[];
  /** A fragment header comes after them. */
  fragment?: 'first' | 'later';
  lie?: Lie;
  l4: L4;
}

export type Body = ArpBody | Ip4Body | Ip6Body | { kind: 'other'; type: number };

/** A packet as the fuzzer makes it: of it follow the frame for ours and the microflow for ovn-trace. */
export interface Packet {
  /** Name of the port. */
  from: string;
  /** Number of the hypervisor where a localport sends. */
  side?: 1 | 2;
  src: string;
  dst: string;
  vlan?: { tci: number; tpid: number };
  body: Body;
}

const ETHERTYPE = { ip4: 0x0800, arp: 0x0806, ip6: 0x86dd } as const;
const FRAGMENT = 44;
const PROTOCOL = { udp: 17, tcp: 6, echo: 1, icmp6: 58, nd: 58 } as const;

export function etherType(body: Body): number {
  return body.kind === 'other' ? body.type : ETHERTYPE[body.kind];
}

export function protocolOf(l4: L4): number {
  return l4.kind === 'protocol' ? l4.number : PROTOCOL[l4.kind];
}

/** The Ethernet frame. */
export function frameOf({ src, dst, vlan, body }: Packet): Buffer {
  const tag = vlan === undefined ? {} : { vlan: vlan.tci, tpid: vlan.tpid };
  return ether({ src, dst, type: etherType(body), ...tag }, payload(body));
}

function payload(body: Body): Buffer {
  switch (body.kind) {
    case 'arp':
      return arpPayload(body);
    case 'ip4':
      return ip4Payload(body);
    case 'ip6':
      return ip6Payload(body);
    case 'other':
      return Buffer.alloc(46, 7);
  }
}

function arpPayload(body: ArpBody): Buffer {
  const message = arp(body);
  if (!body.ethernet) message.writeUInt16BE(6, 0); // IEEE 802
  return Buffer.concat([message, Buffer.alloc(18)]);
}

function ip4Payload({ src, dst, ttl, options, fragment, lie, l4 }: Ip4Body): Buffer {
  const word = fragment === undefined ? 0 : fragment === 'first' ? 0x2000 : 0x0010;
  const header = { src, dst, proto: protocolOf(l4), ttl, fragment: word };
  const packet = ipv4(
    options ? { ...header, options: Buffer.alloc(8, 1) } : header,
    l4Payload(l4, '::', '::'),
  );
  if (lie === 'version') packet[0] = 0x50 | (packet[0]! & 0xf);
  if (lie === 'length') packet.writeUInt16BE(packet.length + 100, 2);
  return packet;
}

function ip6Payload({ src, dst, hops, extensions, fragment, lie, l4 }: Ip6Body): Buffer {
  let next = protocolOf(l4);
  let rest = l4Payload(l4, src, dst);
  if (fragment !== undefined) {
    const header = Buffer.from([next, 0, 0, fragment === 'first' ? 1 : 0x41, 0, 0, 0, 1]);
    rest = Buffer.concat([header, rest]);
    next = FRAGMENT;
  }
  for (const extension of [...extensions].reverse()) {
    rest = Buffer.concat([extensionHeader(extension, next), rest]);
    next = extension;
  }
  const packet = ipv6({ src, dst, next, hops }, rest);
  if (lie === 'version') packet[0] = 0x50;
  if (lie === 'length') packet.writeUInt16BE(packet.length + 100, 4);
  return packet;
}

/** 8 bytes: of options all padding, of routing a type that nobody has, without segments left. */
function extensionHeader(kind: number, next: number): Buffer {
  return kind === 43 ? Buffer.from([next, 0, 253, 0, 0, 0, 0, 0]) : Buffer.from([next, 0, 1, 4, 0, 0, 0, 0]);
}

/** Addresses count for the checksum of ICMPv6. */
function l4Payload(l4: L4, src: string, dst: string): Buffer {
  switch (l4.kind) {
    case 'udp':
      return udp(l4.sport, l4.dport);
    case 'tcp':
      return tcp(l4.sport, l4.dport);
    case 'echo':
      return echo();
    case 'icmp6':
      return icmp6({ src, dst, type: l4.type, code: l4.code }, Buffer.alloc(24)).subarray(40);
    case 'nd': {
      const options = l4.options.map((option) => linkOption(option.type, option.mac));
      const message = nd({ src, dst, type: l4.type, target: l4.target, code: l4.code, options }).subarray(40);
      return message.subarray(0, message.length - (l4.cut ?? 0));
    }
    case 'protocol':
      return Buffer.alloc(32, 9);
  }
}

/** Whether a message of neighbour discovery can be read: options whole, the one that counts once, code 0. */
export function isReadable(l4: NeighbourDiscovery): boolean {
  const wanted = l4.type === 135 ? 1 : 2;
  return l4.code === 0 && !l4.cut && l4.options.filter(({ type }) => type === wanted).length < 2;
}

/** Whether nothing is left of it but the eight bytes with which it begins. */
export function isBare(l4: NeighbourDiscovery): boolean {
  return l4.cut === 16 + 8 * l4.options.length;
}

/** The address in the option that counts; undefined when there is none. */
export function linkAddress(l4: NeighbourDiscovery): string | undefined {
  return l4.options.find(({ type }) => type === (l4.type === 135 ? 1 : 2))?.mac;
}

/** Whether the L4 header is in the frame: not in any fragment but the first. */
export function hasL4(body: Ip4Body | Ip6Body): boolean {
  return body.fragment !== 'later';
}

/**
 * The packet in the words of ovn-trace(8): what Open vSwitch would read out of the frame.
 * @param prefix of the network's names
 */
export function microflow(packet: Packet, prefix = ''): string {
  const { from, src, dst, vlan, body } = packet;
  const terms = [`inport == "${prefix}${from}"`, `eth.src == ${src}`, `eth.dst == ${dst}`];
  // Bit 12 says that there is a tag.
  if (vlan !== undefined) terms.push(`vlan.tci == 0x${(vlan.tci | 0x1000).toString(16)}`);
  return [...terms, ...bodyTerms(body)].join(' && ');
}

function bodyTerms(body: Body): string[] {
  const type = `eth.type == 0x${etherType(body).toString(16)}`;
  if (body.kind === 'other') return [type];
  if (body.kind === 'arp') return [type, ...(body.ethernet ? arpTerms(body) : [])];
  return [type, ...(body.lie === undefined ? ipTerms(body) : [])];
}

function arpTerms({ op, sha, spa, tha, tpa }: ArpBody): string[] {
  // Open vSwitch has eight bits for it.
  const known = op < 256 ? op : 0;
  return [
    `arp.op == ${known}`,
    `arp.sha == ${sha}`,
    `arp.spa == ${spa}`,
    `arp.tha == ${tha}`,
    `arp.tpa == ${tpa}`,
  ];
}

function ipTerms(body: Ip4Body | Ip6Body): string[] {
  const ttl = body.kind === 'ip4' ? body.ttl : body.hops;
  const fragment = body.fragment === undefined ? [] : [`ip.frag == ${body.fragment === 'first' ? 1 : 3}`];
  return [
    `${body.kind}.src == ${body.src}`,
    `${body.kind}.dst == ${body.dst}`,
    `ip.proto == ${protocolOf(body.l4)}`,
    `ip.ttl == ${ttl}`,
    ...fragment,
    ...(hasL4(body) ? l4Terms(body) : []),
  ];
}

function l4Terms(body: Ip4Body | Ip6Body): string[] {
  const { l4 } = body;
  if (l4.kind === 'udp' || l4.kind === 'tcp')
    return [`${l4.kind}.src == ${l4.sport}`, `${l4.kind}.dst == ${l4.dport}`];
  if (body.kind === 'ip4') return l4.kind === 'echo' ? ['icmp4.type == 8', 'icmp4.code == 0'] : [];
  if (l4.kind === 'icmp6') return [`icmp6.type == ${l4.type}`, `icmp6.code == ${l4.code}`];
  if (l4.kind !== 'nd') return [];
  const terms = [`icmp6.type == ${l4.type}`, `icmp6.code == ${l4.code}`];
  // Only then has the expression language a word for the target.
  if (body.hops === 255 && isReadable(l4)) {
    terms.push(`nd.target == ${l4.target}`);
    const link = linkAddress(l4);
    if (link !== undefined) terms.push(`nd.${l4.type === 135 ? 'sll' : 'tll'} == ${link}`);
  }
  return terms;
}

/** The multicast bit of a MAC. */
export function isGroup(address: string): boolean {
  return (mac(address)[0]! & 1) === 1;
}
