import { arp, echo, ether, icmp6, ipv4, ipv6, linkOption, nd, udp } from '@iovisor-ovn/iomodules/testing';
import { broadcast, type Host, solicited } from '../host.js';

export const ethertype = {
  ip4: 0x0800,
  arp: 0x0806,
  rarp: 0x8035,
  ip6: 0x86dd,
  experiment: 0x88b5,
  lldp: 0x88cc,
};

/** A datagram between two addresses in a frame between two MACs. */
export interface Ends {
  src: string;
  dst: string;
  from: string;
  to: string;
}

export const udp4 = ({ src, dst, from, to }: Ends, sport = 1000, dport = 2000): Buffer =>
  ether({ src, dst, type: ethertype.ip4 }, ipv4({ src: from, dst: to, proto: 17 }, udp(sport, dport)));

export const ping4 = ({ src, dst, from, to }: Ends): Buffer =>
  ether({ src, dst, type: ethertype.ip4 }, ipv4({ src: from, dst: to, proto: 1 }, echo()));

/** With a checksum that is not zero: IPv6 forbids that, but nobody on the way looks. */
export const udp6 = ({ src, dst, from, to }: Ends): Buffer =>
  ether({ src, dst, type: ethertype.ip6 }, ipv6({ src: from, dst: to, next: 17 }, udp(1000, 2000)));

/** An ICMPv6 message in a frame; `type` 128 is an echo request. */
export const message6 = ({ src, dst, from, to }: Ends, type: number, body?: Buffer, code = 0): Buffer =>
  ether(
    { src, dst, type: ethertype.ip6 },
    icmp6({ src: from, dst: to, type, code }, body ?? Buffer.alloc(8)),
  );

export interface ArpOptions {
  op?: number;
  /** Ethernet source; default: the sender MAC of the header. */
  src?: string;
  /** Ethernet destination; default broadcast. */
  dst?: string;
  sha: string;
  spa: string;
  tha?: string;
  tpa: string;
}

/** Padded to the 60 bytes of the wire. */
export function arpFrame({ src, dst, ...a }: ArpOptions): Buffer {
  const payload = Buffer.concat([arp(a), Buffer.alloc(18)]);
  return ether({ src: src ?? a.sha, dst: dst ?? broadcast, type: ethertype.arp }, payload);
}

export interface SolicitOptions {
  /** Source address; default the global one. */
  from?: string;
  to?: string;
  dst?: string;
  /** MAC in the source link-layer option; null: no option. Default the sender's. */
  sll?: string | null;
  hops?: number;
  code?: number;
}

/** A neighbour solicitation of `who` for `target`, to its solicited-node address unless told otherwise. */
export function solicit(who: Host, target: string, o: SolicitOptions = {}): Buffer {
  const multicast = solicited(target);
  const sll = o.sll === undefined ? who.mac : o.sll;
  const packet = nd({
    type: 135,
    src: o.from ?? who.ip6,
    dst: o.to ?? multicast.ip6,
    target,
    hops: o.hops ?? 255,
    code: o.code ?? 0,
    options: sll === null ? [] : [linkOption(1, sll)],
  });
  return ether({ src: who.mac, dst: o.dst ?? multicast.mac, type: ethertype.ip6 }, packet);
}

export interface AdvertiseOptions {
  from?: string;
  to: Host;
  /** MAC in the target link-layer option; null: no option. Default the sender's. */
  tll?: string | null;
  hops?: number;
}

/** A solicited neighbour advertisement of `who` for `target`. */
export function advertise(who: Host, target: string, o: AdvertiseOptions): Buffer {
  const tll = o.tll === undefined ? who.mac : o.tll;
  const packet = nd({
    type: 136,
    src: o.from ?? who.ip6,
    dst: o.to.ip6,
    target,
    flags: 0x60,
    hops: o.hops ?? 255,
    options: tll === null ? [] : [linkOption(2, tll)],
  });
  return ether({ src: who.mac, dst: o.to.mac, type: ethertype.ip6 }, packet);
}
