import { EventEmitter } from 'node:events';
import type { Link, LinkEvent, Netlink, Route } from '../netlink/index.js';
import { parseMac } from './compile/ip.js';
import type { Tunnel, TunnelPath, TunnelWay } from './compile/tunnelFacts.js';
import { PathMtus } from './pathMtus.js';

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
  /** Next hops of each tunnel, by tunnel and by next hop. */
  readonly #hops = new Map<string, Map<string, Hop>>();
  /** Keys of `#hops` by device. */
  readonly #hopsAt = new Map<number, Set<string>>();
  /**
   * Devices that a route may lead to once they come up, or have a carrier: those that were up, or may have been. A route to one that
   * never was up, such as a new tap, is announced when it is made.
   */
  readonly #down = new Set<number>();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #listeners: (() => void)[] = [];
  readonly #mtus: PathMtus;

  /** @param learnedMtuMs for how long a path is believed to have the MTU that a router on it said; for tests */
  constructor(netlink: Netlink, learnedMtuMs?: number) {
    super();
    this.#netlink = netlink;
    this.#mtus = new PathMtus((key) => this.#changed(new Set([key])), learnedMtuMs);
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
    this.#mtus.close();
    for (const stop of this.#listeners) stop();
    this.#hops.clear();
    this.#hopsAt.clear();
  }

  /** The source address that the kernel gives to packets for that address; undefined: no route. Asks the kernel (microseconds). */
  sourceTo(remoteIp: string): string | undefined {
    return this.#netlink.route(remoteIp)?.source;
  }

  /** The way to the other end now; undefined: no route. Asks the kernel (microseconds). */
  pathOf(tunnel: Tunnel): TunnelPath | undefined {
    const routes = this.#routes(tunnel);
    const key = tunnelKey(tunnel);
    const before = this.#hops.get(key);
    const after = new Map<string, Hop>();
    const ways = routes.map(({ route, link }): TunnelWay => {
      const ip = route.gateway ?? tunnel.remoteIp;
      const mac = parseMac(this.#netlink.neighbour(link.ifindex, ip)?.mac ?? '');
      const hop = { ifindex: link.ifindex, ip, resolved: mac !== undefined };
      after.set(hopKey(hop), hop);
      return {
        ifindex: link.ifindex,
        weight: route.weight,
        gateway: route.gateway,
        sourceMac: parseMac(link.mac ?? ''),
        nextHopMac: mac,
      };
    });
    this.#setHops(key, after);
    for (const hop of after.values()) if (!hop.resolved && !before?.has(hopKey(hop))) this.#useHop(hop);
    const [first, ...others] = ways;
    if (first === undefined) return undefined;
    return {
      mtu: Math.min(mtuOf(routes), this.#mtus.of(key, hopsKey(after)) ?? Number.POSITIVE_INFINITY),
      ways: [first, ...others],
    };
  }

  /**
   * A router on the way to the other end says what it has. Believed for ten minutes, or until there are other next hops.
   * @returns whether that is less than was known
   */
  learnMtu(tunnel: Tunnel, mtu: number): boolean {
    const key = tunnelKey(tunnel);
    const hops = this.#hops.get(key);
    if (hops === undefined || mtu >= mtuOf(this.#routes(tunnel))) return false;
    if (!this.#mtus.learn(key, mtu, hopsKey(hops))) return false;
    this.#changed(new Set([key]));
    return true;
  }

  /** Next hops that can be used now: with a carrier, when some have one. */
  #routes({ localIp, remoteIp }: Tunnel): { route: Route; link: Link }[] {
    const all = this.#netlink.routes(remoteIp, { source: localIp }).flatMap((route) => {
      const link = this.#netlink.links.get(route.ifindex);
      return link === undefined ? [] : [{ route, link }];
    });
    const up = all.filter(({ link }) => link.up);
    const live = up.filter(({ link }) => link.lowerUp);
    const usable = live.length > 0 ? live : up;
    for (const { link } of all) if (!usable.some((one) => one.link === link)) this.#down.add(link.ifindex);
    return usable;
  }

  /** To be called for tunnels that are no more. */
  keepOnly(tunnels: Iterable<Tunnel>): void {
    const keep = new Set([...tunnels].map(tunnelKey));
    for (const key of this.#hops.keys()) if (!keep.has(key)) this.#setHops(key, new Map());
  }

  /** Devices that tunnel packets may arrive at: those the routes use, and those that hold one of our addresses. */
  devices(localIps: readonly string[]): Set<number> {
    const devices = new Set(this.#hopsAt.keys());
    const own = new Set(localIps);
    for (const [ifindex, addresses] of this.#netlink.addresses) {
      if (addresses.some(({ address }) => own.has(address))) devices.add(ifindex);
    }
    return devices;
  }

  *#allHops(): Generator<Hop> {
    for (const hops of this.#hops.values()) yield* hops.values();
  }

  /** Each next hop once: many tunnels go by one gateway. */
  #use(which: (hop: Hop) => boolean): void {
    const chosen = new Map<string, Hop>();
    for (const hop of this.#allHops()) if (which(hop)) chosen.set(hopKey(hop), hop);
    for (const hop of chosen.values()) this.#useHop(hop);
  }

  #useHop({ ifindex, ip }: Hop): void {
    this.#netlink.useNeighbour(ifindex, ip);
  }

  #setHops(key: string, hops: ReadonlyMap<string, Hop>): void {
    for (const { ifindex } of this.#hops.get(key)?.values() ?? []) {
      const left = this.#hopsAt.get(ifindex);
      left?.delete(key);
      if (left?.size === 0) this.#hopsAt.delete(ifindex);
    }
    if (hops.size === 0) {
      this.#hops.delete(key);
      this.#mtus.forget(key);
    } else this.#hops.set(key, new Map(hops));
    for (const { ifindex } of hops.values())
      this.#hopsAt.set(ifindex, (this.#hopsAt.get(ifindex) ?? new Set()).add(key));
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
    this.#changed(new Set(this.#hopsAt.get(ifindex)));
  }

  #onNeighbour(ifindex: number, ip: string): void {
    const concerned = new Set<string>();
    const changed = hopKey({ ifindex, ip });
    for (const key of this.#hopsAt.get(ifindex) ?? [])
      if (this.#hops.get(key)?.has(changed)) concerned.add(key);
    this.#changed(concerned);
  }

  /** @param concerned keys of tunnels */
  #changed(concerned: ReadonlySet<string>): void {
    if (concerned.size > 0) this.emit('changed', (tunnel) => concerned.has(tunnelKey(tunnel)));
  }
}

function tunnelKey({ localIp, remoteIp }: Tunnel): string {
  return `${localIp}>${remoteIp}`;
}

function hopKey({ ifindex, ip }: Pick<Hop, 'ifindex' | 'ip'>): string {
  return `${ifindex}/${ip}`;
}

function hopsKey(hops: ReadonlyMap<string, Hop>): string {
  return [...hops.keys()].sort().join();
}

/** Of the narrowest device or route. */
function mtuOf(routes: readonly { route: Route; link: Link }[]): number {
  return Math.min(...routes.map(({ route, link }) => Math.min(route.mtu ?? link.mtu, link.mtu)));
}
