import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Address, parseAddress } from './address.js';
import { AddressTable } from './addressTable.js';
import { BridgeVlans } from './bridgeVlans.js';
import {
  IFLA_IFNAME,
  IFLA_TARGET_NETNSID,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_DELNEXTHOP,
  RTM_DELQDISC,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_DELTFILTER,
  RTM_GETLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWNEXTHOP,
  RTM_NEWROUTE,
  RTM_NEWRULE,
} from './constants.js';
import { type DriverFacts, Ethtool } from './ethtool.js';
import { DEFAULT_EVENT_BUFFER, EventSocket } from './eventSocket.js';
import { FrameSender } from './frameSender.js';
import { readInventory, WITHOUT_STATISTICS } from './inventory.js';
import { type Link, type LinkEvent, linkHeader, parseLink } from './link.js';
import { LinkTable } from './linkTable.js';
import { LinkWriter } from './linkWriter.js';
import type { Log } from './log.js';
import { type AttributeToSend, type NetlinkMessage, text, u32 } from './message.js';
import {
  askNeighbour,
  type Neighbour,
  type NeighbourEvent,
  parseNeighbourEvent,
  sendUseNeighbour,
} from './neighbour.js';
import { NetlinkError } from './netlinkError.js';
import { RequestSocket } from './requestSocket.js';
import { askRoute, askRoutes, type Route, type RouteOptions } from './route.js';
import { dumpStatistics, type LinkCounters } from './statistics.js';

export interface NetlinkEvents {
  /** A device came, changed or went. */
  link: [LinkEvent];
  /** The addresses of the device changed. */
  address: [ifindex: number];
  /** An ARP or ND entry changed. */
  neighbour: [NeighbourEvent];
  /** Routes, policy rules or next-hop objects changed: every earlier `route()` answer may be old. At most once a turn. */
  route: [];
  /**
   * Traffic control lost something at these devices, a filter or a qdisc with all of them: ours may be among them. For all that
   * one turn brought at once. That a TCX link was detached is announced to nobody.
   */
  filters: [ifindexes: ReadonlySet<number>];
  /** Events were lost and everything was read again; link and address events for the difference were emitted before. */
  resync: [];
}

export interface NetlinkOptions {
  /** Bytes of events that may wait in the kernel before some are lost; default 4 MiB. */
  readonly eventBufferBytes?: number;
}

const RETRY_MS = 1000;

/**
 * Devices, addresses, routes and neighbours of the network namespace the process is in, from AF_NETLINK alone: a process that
 * entered its namespace with `nsenter --net=` still sees the host's /sys. Nothing is polled and no child process is used.
 * Events describe; the maps and the questions (`route`, `neighbour`) are what counts.
 */
export class Netlink extends EventEmitter<NetlinkEvents> {
  readonly #log: Log;
  readonly #bufferBytes: number;
  readonly #requests: RequestSocket;
  /** Makes, changes and removes devices. */
  readonly writer: LinkWriter;
  /** VLANs of the ports of bridges. */
  readonly bridgeVlans: BridgeVlans;
  /** Sends frames out of devices. */
  readonly frames = new FrameSender();
  readonly #ethtool = new Ethtool();
  readonly #links = new LinkTable();
  readonly #addresses = new AddressTable();
  #events: EventSocket | undefined;
  /** Messages that arrived while everything is being read; undefined when they are applied at once. */
  #waiting: NetlinkMessage[] | undefined;
  /**
   * Devices that this process made. Their events tell of how they were before the last change, of which `links` knows already:
   * they are asked for instead.
   */
  readonly #made = new Set<number>();
  /** Devices that this process removed and whose end was not announced yet: what is announced before that is of the past. */
  readonly #doomed = new Set<number>();
  #lost: Error | undefined;
  #routeAnnounced = false;
  /** Devices whose traffic control lost something, until that is announced. */
  #filtersLost = new Set<number>();
  #closed = false;

  private constructor(log: Log, options: NetlinkOptions) {
    super();
    this.#log = log;
    this.#bufferBytes = options.eventBufferBytes ?? DEFAULT_EVENT_BUFFER;
    this.#requests = new RequestSocket();
    this.writer = new LinkWriter(
      this.#requests,
      (device) => this.#reread(device),
      (ifindex) => this.#forgetRemoved(ifindex),
      log,
    );
    this.bridgeVlans = new BridgeVlans(this.#requests);
  }

  /** Throws NetlinkError when the kernel gives no netlink socket. */
  static open(log: Log, options: NetlinkOptions = {}): Netlink {
    return new Netlink(log, options);
  }

  /** Resolves when subscribed and everything was read; rejects with NetlinkError. */
  async start(): Promise<void> {
    await this.#synchronise();
    this.writer.finishRemovals([...this.links.values()]);
  }

  /** No events after this; questions throw. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#events?.close();
    this.#requests.close();
    this.#ethtool.close();
    this.frames.close();
  }

  get links(): ReadonlyMap<number, Link> {
    return this.#links.byIndex;
  }

  get addresses(): ReadonlyMap<number, readonly Address[]> {
    return this.#addresses.byIndex;
  }

  linkByName(name: string): Link | undefined {
    return this.#links.byName(name);
  }

  /**
   * As `linkByName`, but asks the kernel before it says no: a device made a moment ago may be named in the database before its
   * event was read. May emit `link`.
   */
  findLink(name: string): Link | undefined {
    const known = this.#links.byName(name);
    // IFNAMSIZ, with the terminating NUL; the kernel refuses more.
    if (known !== undefined || name === '' || Buffer.byteLength(name) > 15) return known;
    return this.#askLink(0, [[IFLA_IFNAME, text(name)]]);
  }

  /** The device as it is at this moment: its last events may not have been read. May emit `link`; undefined when it is gone. */
  refreshLink(ifindex: number): Link | undefined {
    return this.#askLink(ifindex);
  }

  /** The kernel's way to an address, policy rules included; undefined when there is none. Throws for text that is no address. */
  route(destination: string, options?: RouteOptions): Route | undefined {
    return askRoute(this.#requests, destination, options);
  }

  /** As `route`, but each next hop of a multipath route: which one it is depends on the flow. Empty: no way there. */
  routes(destination: string, options?: RouteOptions): Route[] {
    return askRoutes(this.#requests, destination, options);
  }

  /** The ARP or ND entry; undefined when there is none. Throws for text that is no address. */
  neighbour(ifindex: number, ip: string): Neighbour | undefined {
    return askNeighbour(this.#requests, ifindex, ip);
  }

  /** Makes the kernel resolve the address, or confirm it when it is stale; the outcome is a `neighbour` event. */
  useNeighbour(ifindex: number, ip: string): void {
    sendUseNeighbour(this.#requests, ifindex, ip);
  }

  /**
   * The other end of a veth, also when it was moved to another network namespace; then it is asked for each time, since changes
   * there are announced to nobody here. Undefined when the device has none, or the kernel does not tell.
   */
  peerOf(link: Link): Link | undefined {
    const { peerIfindex, peerInOtherNetns, peerNsid } = link;
    if (peerIfindex === undefined) return undefined;
    if (!peerInOtherNetns) return this.#links.byIndex.get(peerIfindex) ?? this.#askLink(peerIfindex);
    if (peerNsid === undefined) return undefined;
    return this.#request(peerIfindex, [[IFLA_TARGET_NETNSID, u32(peerNsid)]]);
  }

  /** What the driver of a device says: nothing of one that is gone. */
  driverFacts(name: string): DriverFacts {
    return this.#ethtool.facts(name);
  }

  /** The counters of every device, by ifindex; rejects with NetlinkError. */
  statistics(): Promise<ReadonlyMap<number, LinkCounters>> {
    return dumpStatistics();
  }

  /** Subscribes, reads everything, then applies what came meanwhile; again when events were lost meanwhile. */
  async #synchronise(): Promise<void> {
    do {
      this.#lost = undefined;
      this.#waiting = [];
      this.#events?.close();
      this.#events = new EventSocket(
        this.#bufferBytes,
        (message) => (this.#waiting === undefined ? this.#apply(message) : this.#waiting.push(message)),
        (reason) => this.#onLost(reason),
      );
      const { links, addresses } = await readInventory();
      if (this.#closed) return;
      for (const ifindex of this.#doomed) if (!links.has(ifindex)) this.#doomed.delete(ifindex);
      const staying = new Map([...links].filter(([ifindex]) => !this.#doomed.has(ifindex)));
      for (const event of this.#links.replace(staying)) this.emit('link', event);
      for (const ifindex of this.#addresses.replace(addresses)) this.emit('address', ifindex);
      const waiting = this.#waiting;
      this.#waiting = undefined;
      for (const message of waiting) this.#apply(message);
    } while (this.#lost !== undefined && !this.#closed);
  }

  #onLost(reason: Error): void {
    this.#log.warn({ reason: reason.message }, 'netlink events were lost; reading everything again');
    const busy = this.#waiting !== undefined;
    this.#lost = reason;
    if (!busy) void this.#resynchronise();
  }

  async #resynchronise(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#synchronise();
        if (!this.#closed) this.emit('resync');
        return;
      } catch (error) {
        if (this.#closed) return;
        this.#log.error({ error: String(error) }, 'netlink cannot be read; trying again in a second');
        await sleep(RETRY_MS);
      }
    }
  }

  #apply({ type, payload }: NetlinkMessage): void {
    if (this.#closed) return;
    switch (type) {
      case RTM_NEWLINK: {
        const link = parseLink(payload);
        if (link === undefined) break;
        if (this.#doomed.has(link.ifindex)) break;
        if (this.#made.has(link.ifindex)) this.#askLink(link.ifindex);
        else this.#setLink(link);
        break;
      }
      case RTM_DELLINK:
        // A device that leaves a bridge is announced as deleted in the family AF_BRIDGE.
        if (payload.length >= 16 && payload.readUInt8(0) === 0) {
          const ifindex = payload.readInt32LE(4);
          this.#made.delete(ifindex);
          this.#doomed.delete(ifindex);
          this.#removeLink(ifindex);
        }
        break;
      case RTM_NEWADDR:
      case RTM_DELADDR: {
        const found = parseAddress(payload);
        if (found === undefined) break;
        const operation = type === RTM_NEWADDR ? 'add' : 'remove';
        if (this.#addresses[operation](found.ifindex, found.address)) this.emit('address', found.ifindex);
        break;
      }
      case RTM_NEWNEIGH:
      case RTM_DELNEIGH: {
        const event = parseNeighbourEvent(payload);
        if (event !== undefined) this.emit('neighbour', event);
        break;
      }
      case RTM_NEWROUTE:
      case RTM_DELROUTE:
      case RTM_NEWRULE:
      case RTM_DELRULE:
      case RTM_NEWNEXTHOP:
      case RTM_DELNEXTHOP:
        this.#announceRoutes();
        break;
      case RTM_DELQDISC:
      case RTM_DELTFILTER:
        // struct tcmsg; of a block that several devices share there is no ifindex.
        if (payload.length >= 20) this.#announceFilters(payload.readInt32LE(4));
        break;
    }
  }

  #setLink(link: Link): void {
    const event = this.#links.set(link);
    if (event === undefined) return;
    this.emit('link', event);
    if (event.kind === 'new') this.#refreshPeer(link);
  }

  #removeLink(ifindex: number): void {
    const event = this.#links.remove(ifindex);
    if (event === undefined) return;
    this.emit('link', event);
    this.#refreshPeer(event.link);
  }

  /** A veth's end is not announced when its other end moves between namespaces: ask. */
  #refreshPeer(link: Link): void {
    if (link.peerIfindex === undefined || link.peerInOtherNetns) return;
    if (this.#links.byIndex.has(link.peerIfindex)) this.#askLink(link.peerIfindex);
  }

  /** Its events are still to come; those of before its end must not bring it back. */
  #forgetRemoved(ifindex: number): void {
    const peer = this.#links.byIndex.get(ifindex)?.peerIfindex;
    const veth = this.#links.byIndex.get(ifindex)?.kind === 'veth';
    this.#doomed.add(ifindex);
    this.#removeLink(ifindex);
    const other = veth && peer !== undefined ? this.#links.byIndex.get(peer) : undefined;
    if (other?.peerIfindex !== ifindex || other.peerInOtherNetns) return;
    this.#doomed.add(other.ifindex);
    this.#removeLink(other.ifindex);
  }

  #reread(device: number | string): Link | undefined {
    const link =
      typeof device === 'number' ? this.#askLink(device) : this.#askLink(0, [[IFLA_IFNAME, text(device)]]);
    // By name: it was made just now.
    if (link !== undefined && typeof device === 'string') this.#made.add(link.ifindex);
    return link;
  }

  #askLink(ifindex: number, attributes: readonly AttributeToSend[] = []): Link | undefined {
    const link = this.#request(ifindex, attributes);
    if (link === undefined || this.#doomed.has(link.ifindex)) return undefined;
    this.#setLink(link);
    return link;
  }

  #request(ifindex: number, attributes: readonly AttributeToSend[]): Link | undefined {
    try {
      const { payload } = this.#requests.request('device', RTM_GETLINK, 0, linkHeader(ifindex), [
        WITHOUT_STATISTICS,
        ...attributes,
      ]);
      return parseLink(payload);
    } catch (error) {
      // ENODEV: it is gone, and the event that says so is on its way.
      if (error instanceof NetlinkError) return undefined;
      throw error;
    }
  }

  #announceFilters(ifindex: number): void {
    if (ifindex < 1) return;
    this.#filtersLost.add(ifindex);
    if (this.#filtersLost.size > 1) return;
    setImmediate(() => {
      const lost = this.#filtersLost;
      this.#filtersLost = new Set();
      if (!this.#closed) this.emit('filters', lost);
    });
  }

  /** A routing daemon may write thousands of routes in a row. */
  #announceRoutes(): void {
    if (this.#routeAnnounced) return;
    this.#routeAnnounced = true;
    setImmediate(() => {
      this.#routeAnnounced = false;
      if (!this.#closed) this.emit('route');
    });
  }
}
