import type { Bridge } from '../gen/vswitch.js';
import { type Log, type Netlink, NetlinkError } from '../netlink/index.js';
import type { BridgeDevices } from './bridgeDevices.js';
import type { BridgeMapping } from './bridgeMappings.js';
import type { Complaint } from './complaint.js';
import { deviceName, isMade } from './madeDevices.js';
import { hide, makeHiddenPair } from './vethPair.js';

export interface PhysicalNetworksOptions {
  readonly netlink: Netlink;
  readonly log: Log;
  readonly bridges: BridgeDevices;
  /** Row of a bridge. */
  readonly bridge: (name: string) => Bridge | undefined;
}

/**
 * The physical networks of ovn-bridge-mappings: a veth each, one end in the network's bridge, the other the data plane's, which
 * gets every frame of the network there and sends frames by it. It stays what it is while bridge and mapping stay, also over a
 * restart.
 */
export class PhysicalNetworks {
  readonly #options: PhysicalNetworksOptions;
  #ends: ReadonlyMap<string, number> = new Map();
  /** Names of the devices that are used. */
  #used = new Set<string>();

  constructor(options: PhysicalNetworksOptions) {
    this.#options = options;
  }

  /** Network name → ifindex of the data plane's end; another object whenever something changed. */
  get ends(): ReadonlyMap<string, number> {
    return this.#ends;
  }

  /** Whether a device of this name serves a network. */
  uses(device: string): boolean {
    return this.#used.has(device);
  }

  /** Brings everything up to date with these mappings; returns what is wrong with them. */
  update(mappings: readonly BridgeMapping[], integrationBridge: string, mayChange: boolean): string[] {
    const wrong: string[] = [];
    const ends = new Map<string, number>();
    const used = new Set<string>();
    for (const { network, bridge } of mappings) {
      const names = [deviceName('network', network), deviceName('uplink', network)];
      if (bridge === integrationBridge) {
        wrong.push(`network "${network}": ${bridge} is the integration bridge, which is no physical network`);
        continue;
      }
      if (this.#options.bridge(bridge) === undefined) {
        wrong.push(`Bridge '${bridge}' not found for network '${network}'`);
        continue;
      }
      for (const name of names) used.add(name);
      const end = this.#connect(network, bridge, mayChange);
      if (typeof end === 'number') ends.set(network, end);
      else wrong.push(`network "${network}" is not connected to ${bridge}: ${end}`);
    }
    if (mayChange) for (const name of this.#used) if (!used.has(name)) this.#remove(name);
    this.#used = used;
    if (!sameMap(ends, this.#ends)) this.#ends = ends;
    return wrong;
  }

  /** ifindex of the data plane's end, or why there is none. */
  #connect(network: string, bridge: string, mayChange: boolean): number | string {
    const { netlink, bridges, log } = this.#options;
    const [name, uplink] = [deviceName('network', network), deviceName('uplink', network)];
    const purpose = `physical network ${network}`;
    try {
      if (mayChange && (netlink.findLink(name) === undefined || netlink.findLink(uplink) === undefined)) {
        for (const half of [name, uplink]) this.#remove(half);
        makeHiddenPair(netlink, name, uplink, purpose);
      } else if (mayChange) for (const half of [name, uplink]) hide(netlink, half, purpose);
      const end = netlink.linkByName(name);
      const other = netlink.linkByName(uplink);
      if (end === undefined || other === undefined) return 'its devices are not there';
      const reason = mayChange ? bridges.connect(bridge, other) : undefined;
      return reason ?? end.ifindex;
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      log.warn({ network, error: error.message }, 'a physical network cannot be connected');
      return error.message;
    }
  }

  #remove(name: string): void {
    const { netlink } = this.#options;
    const link = netlink.linkByName(name);
    if (link !== undefined && isMade(link)) netlink.writer.remove(link.ifindex);
  }

  /** A problem with ovn-bridge-mappings of this row. */
  static complaint(root: string, key: string, message: string): Complaint {
    return { table: 'Open_vSwitch', uuid: root, name: '.', column: `external_ids:${key}`, message };
  }
}

function sameMap(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}
