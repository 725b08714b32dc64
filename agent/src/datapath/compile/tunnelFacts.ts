/** Encapsulations the IOModules speak. */
export type EncapType = 'vxlan' | 'geneve';

/** A tunnel to one address of another chassis. Addresses are canonical text. */
export interface Tunnel {
  encap: EncapType;
  localIp: string;
  remoteIp: string;
  /** Our addresses that it may send to. */
  localIps: readonly string[];
  /** The other end wants outer UDP checksums. */
  csum: boolean;
  /** The outer TOS byte, or 'inherit'. */
  tos: number | 'inherit';
  /** Routers must not fragment IPv4 packets (DF). */
  df: boolean;
  /** Both ends have both encapsulations, so packets of either are taken. */
  either: boolean;
}

/** One next hop to another chassis. */
export interface TunnelWay {
  ifindex: number;
  /** Share of the flows among the ways, at least 1. */
  weight: number;
  /** Text; undefined: the other end is on the link. */
  gateway?: string;
  /** Of our device. */
  sourceMac?: Buffer;
  /** Of the next hop; undefined until the kernel has resolved it. */
  nextHopMac?: Buffer;
}

/** How packets get to another chassis, as the kernel's routing says now. */
export interface TunnelPath {
  /** Of the narrowest device or route, or what a router on the way said: largest outer IP packet, bytes. */
  mtu: number;
  /** At least one; several for equal-cost routes. */
  ways: readonly [TunnelWay, ...TunnelWay[]];
}

/** Most next hops of a tunnel; the programs follow no more. */
export const MAX_WAYS = 8;

/** The ways that packets take: those whose next hop is known, or one that the kernel has to resolve. */
export function usableWays(path: TunnelPath): readonly [TunnelWay, ...TunnelWay[]] {
  const [first, ...others] = path.ways.filter(isResolved).slice(0, MAX_WAYS);
  return first === undefined ? [path.ways[0]] : [first, ...others];
}

/** Whether packets need not ask the kernel for the next hop. */
export function isResolved({ sourceMac, nextHopMac }: TunnelWay): boolean {
  return sourceMac !== undefined && nextHopMac !== undefined;
}
