import { EventEmitter } from 'node:events';
import type { Address } from './address.js';
import type { Link, LinkEvent } from './link.js';
import type { Log } from './log.js';
import type { Neighbour, NeighbourEvent } from './neighbour.js';
import type { Route, RouteOptions } from './route.js';

interface NetlinkEvents {
  /** A device came, changed or went. */
  link: [LinkEvent];
  /** The addresses of the device changed. */
  address: [ifindex: number];
  neighbour: [NeighbourEvent];
  /** A route, policy rule or next-hop object changed: every earlier `route()` answer may be old. */
  route: [];
  /** Events were lost and everything was read again; link and address events for the difference were emitted before. */
  resync: [];
}

/** Devices, addresses, routes and neighbours of the network namespace the process is in. */
export class Netlink extends EventEmitter<NetlinkEvents> {
  readonly #links = new Map<number, Link>();
  readonly #addresses = new Map<number, readonly Address[]>();

  private constructor(readonly log: Log) {
    super();
  }

  static open(log: Log): Netlink {
    return new Netlink(log);
  }
  async start(): Promise<void> {}
  close(): void {}
  get links(): ReadonlyMap<number, Link> {
    return this.#links;
  }
  get addresses(): ReadonlyMap<number, readonly Address[]> {
    return this.#addresses;
  }
  linkByName(_name: string): Link | undefined {
    return undefined;
  }
  route(_destination: string, _options?: RouteOptions): Route | undefined {
    return undefined;
  }
  neighbour(_ifindex: number, _ip: string): Neighbour | undefined {
    return undefined;
  }
  useNeighbour(_ifindex: number, _ip: string): void {}
}
