import { EventEmitter } from 'node:events';
import type { LinkEvent, Netlink } from '../netlink/index.js';
import { formatIp4, parseMac } from './compile/ip.js';
import type { Tunnel, TunnelPath } from './compile/tunnel.js';

/** How often the kernel is asked to confirm a next hop that is in use, and to find one that is missing. */
const CONFIRM_MS = 20_000;
const FIND_MS = 1_000;

interface Hop {
  ifindex: number;
  ip: string;
  resolved: boolean;
}

interface TunnelPathsEvents {
  /** Paths may be different for these tunnels; undefined: for all. */
  changed: [concerns: ((tunnel: Tunnel) => boolean) | undefined];
}

/**
 * The kernel's routing as the tunnels see it. Next hops are kept resolved by telling the kernel that they are in use, as
 * packets that bypass its stack do not.
 */
export class TunnelPaths extends EventEmitter<TunnelPathsEvents> {
  readonly #netlink: Netlink;
  readonly #hops = new Map<string, Hop>();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #listeners: (() => void)[] = [];

  constructor(netlink: Netlink) {
    super();
    this.#netlink = netlink;
    const all = () => this.emit('changed', undefined);
    const onLink = (event: LinkEvent) => this.#onLink(event);
    const onNeighbour = ({ ifindex, ip }: { ifindex: number; ip: string }) => this.#onNeighbour(ifindex, ip);
    netlink
      .on('route', all)
      .on('resync', all)
      .on('address', all)
      .on('link', onLink)
      .on('neighbour', onNeighbour);
    this.#listeners.push(() =>
      netlink
        .off('route', all)
        .off('resync', all)
        .off('address', all)
        .off('link', onLink)
        .off('neighbour', onNeighbour),
    );
    this.#timers.push(setInterval(() => this.#use((hop) => hop.resolved), CONFIRM_MS).unref());
    this.#timers.push(setInterval(() => this.#use((hop) => !hop.resolved), FIND_MS).unref());
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const stop of this.#listeners) stop();
    this.#hops.clear();
  }

  /** The way to the other end now; undefined: no route. Asks the kernel (microseconds). */
  readonly pathOf = (tunnel: Tunnel): TunnelPath | undefined => {
    const remote = formatIp4(tunnel.remoteIp);
    const route = this.#netlink.route(remote, { source: formatIp4(tunnel.localIp) });
    const link = route === undefined ? undefined : this.#netlink.links.get(route.ifindex);
    const key = hopKey(tunnel);
    if (route === undefined || link === undefined || !link.up) {
      this.#hops.delete(key);
      return undefined;
    }
    const ip = route.gateway ?? remote;
    const mac = parseMac(this.#netlink.neighbour(link.ifindex, ip)?.mac ?? '');
    const before = this.#hops.get(key);
    const hop = { ifindex: link.ifindex, ip, resolved: mac !== undefined };
    this.#hops.set(key, hop);
    if (mac === undefined && (before?.ip !== ip || before.ifindex !== link.ifindex)) this.#useHop(hop);
    return {
      ifindex: link.ifindex,
      mtu: route.mtu ?? link.mtu,
      sourceMac: parseMac(link.mac ?? ''),
      nextHopMac: mac,
    };
  };

  /** To be called for tunnels that are no more. */
  keepOnly(tunnels: Iterable<Tunnel>): void {
    const keep = new Set([...tunnels].map(hopKey));
    for (const key of this.#hops.keys()) if (!keep.has(key)) this.#hops.delete(key);
  }

  /** Devices that tunnel packets may arrive at: those the routes use, and those that hold one of our addresses. */
  devices(localIps: readonly number[]): Set<number> {
    const devices = new Set([...this.#hops.values()].map(({ ifindex }) => ifindex));
    const own = new Set(localIps.map(formatIp4));
    for (const [ifindex, addresses] of this.#netlink.addresses) {
      if (addresses.some(({ address }) => own.has(address))) devices.add(ifindex);
    }
    return devices;
  }

  #use(which: (hop: Hop) => boolean): void {
    for (const hop of this.#hops.values()) if (which(hop)) this.#useHop(hop);
  }

  #useHop({ ifindex, ip }: Hop): void {
    this.#netlink.useNeighbour(ifindex, ip);
  }

  #onLink({ link, old }: LinkEvent): void {
    const used = [...this.#hops.values()].some(({ ifindex }) => ifindex === link.ifindex);
    // Another device matters when it comes up, since a route may lead there now.
    if (used || (link.up && old?.up === false)) this.emit('changed', undefined);
  }

  #onNeighbour(ifindex: number, ip: string): void {
    const concerned = new Set<string>();
    for (const [key, hop] of this.#hops) if (hop.ifindex === ifindex && hop.ip === ip) concerned.add(key);
    if (concerned.size > 0) this.emit('changed', (tunnel) => concerned.has(hopKey(tunnel)));
  }
}

function hopKey({ localIp, remoteIp }: Tunnel): string {
  return `${localIp}>${remoteIp}`;
}
