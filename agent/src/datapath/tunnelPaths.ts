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
  /** Keys of `#hops` by device. */
  readonly #hopsAt = new Map<number, Set<string>>();
  /**
   * Devices that are down and that a route may lead to when they come up: those that were up, or may have been. A route to one that
   * never was up, such as a new tap, is announced when it is made.
   */
  readonly #down = new Set<number>();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #listeners: (() => void)[] = [];

  constructor(netlink: Netlink) {
    super();
    this.#netlink = netlink;
    for (const { ifindex, up } of netlink.links.values()) if (!up) this.#down.add(ifindex);
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
    this.#hopsAt.clear();
  }

  /** The way to the other end now; undefined: no route. Asks the kernel (microseconds). */
  readonly pathOf = (tunnel: Tunnel): TunnelPath | undefined => {
    const remote = formatIp4(tunnel.remoteIp);
    const route = this.#netlink.route(remote, { source: formatIp4(tunnel.localIp) });
    const link = route === undefined ? undefined : this.#netlink.links.get(route.ifindex);
    const key = hopKey(tunnel);
    if (route === undefined || link === undefined || !link.up) {
      if (route !== undefined) this.#down.add(route.ifindex);
      this.#setHop(key, undefined);
      return undefined;
    }
    const ip = route.gateway ?? remote;
    const mac = parseMac(this.#netlink.neighbour(link.ifindex, ip)?.mac ?? '');
    const before = this.#hops.get(key);
    const hop = { ifindex: link.ifindex, ip, resolved: mac !== undefined };
    this.#setHop(key, hop);
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
    for (const key of this.#hops.keys()) if (!keep.has(key)) this.#setHop(key, undefined);
  }

  /** Devices that tunnel packets may arrive at: those the routes use, and those that hold one of our addresses. */
  devices(localIps: readonly number[]): Set<number> {
    const devices = new Set(this.#hopsAt.keys());
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

  #setHop(key: string, hop: Hop | undefined): void {
    const before = this.#hops.get(key);
    if (before !== undefined && before.ifindex !== hop?.ifindex) {
      const left = this.#hopsAt.get(before.ifindex);
      left?.delete(key);
      if (left?.size === 0) this.#hopsAt.delete(before.ifindex);
    }
    if (hop === undefined) {
      this.#hops.delete(key);
      return;
    }
    this.#hops.set(key, hop);
    this.#hopsAt.set(hop.ifindex, (this.#hopsAt.get(hop.ifindex) ?? new Set()).add(key));
  }

  #onLink({ kind, link, old }: LinkEvent): void {
    const { ifindex, up } = link;
    if (kind === 'removed' || up) {
      const back = this.#down.delete(ifindex) && kind !== 'removed';
      if (back) {
        this.emit('changed', undefined);
        return;
      }
    } else if (old?.up === true) this.#down.add(ifindex);
    // Other routes than those that led there are as good as before.
    const concerned = new Set(this.#hopsAt.get(ifindex));
    if (concerned.size > 0) this.emit('changed', (tunnel) => concerned.has(hopKey(tunnel)));
  }

  #onNeighbour(ifindex: number, ip: string): void {
    const concerned = new Set<string>();
    for (const key of this.#hopsAt.get(ifindex) ?? []) if (this.#hops.get(key)?.ip === ip) concerned.add(key);
    if (concerned.size > 0) this.emit('changed', (tunnel) => concerned.has(hopKey(tunnel)));
  }
}

function hopKey({ localIp, remoteIp }: Tunnel): string {
  return `${localIp}>${remoteIp}`;
}
