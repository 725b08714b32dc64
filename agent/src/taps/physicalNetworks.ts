import type { Bridge } from '../gen/vswitch.js';
import { type Log, type Netlink, NetlinkError } from '../netlink/index.js';
import type { BridgeDevices } from './bridgeDevices.js';
import type { BridgeMapping } from './bridgeMappings.js';
import type { Complaint } from './complaint.js';
import { deviceName, isMade } from './madeDevices.js';
import type { VlanColumns } from './portVlans.js';
import { hide, makeHiddenPair } from './vethPair.js';

export interface PhysicalNetworksOptions {
  readonly netlink: Netlink;
  readonly log: Log;
  readonly bridges: BridgeDevices;
  /** Row of a bridge. */
  readonly bridge: (name: string) => Bridge | undefined;
}

/** A way into a physical network beside the one that all its ports share. */
export interface WantedWire {
  readonly network: string;
  /** The VLAN that it carries; undefined: everything. */
  readonly vlan: number | undefined;
}

/** Names of further wires begin with it. */
const WIRE = 'iovx.';

/** The end in the bridge, by the name of the wire, which is that of the data plane's end. */
const otherEnd = (wire: string) => `iovy.${wire.slice(WIRE.length)}`;

/** A veth between the data plane and a bridge. */
interface Pair {
  readonly network: string;
  readonly bridge: string;
  readonly name: string;
  readonly uplink: string;
  readonly vlans: VlanColumns | undefined;
}

/**
 * The physical networks of ovn-bridge-mappings: a veth each, one end in the network's bridge, the other the data plane's, which
 * gets every frame of the network there and sends frames by it. It stays what it is while bridge and mapping stay, also over a
 * restart. Ports that want the same frames have further wires, each a port of the bridge of its own.
 */
export class PhysicalNetworks {
  readonly #options: PhysicalNetworksOptions;
  #ends: ReadonlyMap<string, number> = new Map();
  /** Names of the devices that are used. */
  #used = new Set<string>();
  /** By name; undefined until somebody says which are wanted: what an earlier agent has left stays until then. */
  wires: ReadonlyMap<string, WantedWire> | undefined;

  constructor(options: PhysicalNetworksOptions) {
    this.#options = options;
  }

  /** Name of the network or the further wire → ifindex of the data plane's end; another object whenever something changed. */
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
    const connect = (key: string, pair: Pair) => {
      for (const name of [pair.name, pair.uplink]) used.add(name);
      const end = this.#connect(pair, mayChange);
      if (typeof end === 'number') ends.set(key, end);
      else wrong.push(`network "${pair.network}" is not connected to ${pair.bridge}: ${end}`);
    };
    const bridges = new Map<string, string>();
    for (const { network, bridge } of mappings) {
      if (bridge === integrationBridge) {
        wrong.push(`network "${network}": ${bridge} is the integration bridge, which is no physical network`);
        continue;
      }
      if (this.#options.bridge(bridge) === undefined) {
        wrong.push(`Bridge '${bridge}' not found for network '${network}'`);
        continue;
      }
      bridges.set(network, bridge);
      const [name, uplink] = [deviceName('network', network), deviceName('uplink', network)];
      connect(network, { network, bridge, name, uplink, vlans: undefined });
    }
    for (const [wire, { network, vlan }] of this.wires ?? []) {
      const bridge = bridges.get(network);
      const vlans = vlan === undefined ? undefined : { tag: undefined, trunks: [vlan], vlan_mode: undefined };
      if (bridge !== undefined) connect(wire, { network, bridge, name: wire, uplink: otherEnd(wire), vlans });
    }
    if (this.wires === undefined) this.#keepWires(ends, used);
    if (mayChange) for (const name of this.#used) if (!used.has(name)) this.#remove(name);
    this.#used = used;
    if (!sameMap(ends, this.#ends)) this.#ends = ends;
    return wrong;
  }

  /** Those that an earlier agent has left, as they are. */
  #keepWires(ends: Map<string, number>, used: Set<string>): void {
    const { netlink } = this.#options;
    for (const link of netlink.links.values()) {
      if (!link.name.startsWith(WIRE) || !isMade(link)) continue;
      const other = netlink.linkByName(otherEnd(link.name));
      if (other === undefined || !isMade(other)) continue;
      for (const name of [link.name, other.name]) used.add(name);
      ends.set(link.name, link.ifindex);
    }
  }

  /**
   * The bridge shall forget which machines it saw at a wire: a switch that was there has its machines somewhere else now, or
   * nowhere. Open vSwitch does so when a patch port goes; until a machine sends, what is for it is flooded.
   */
  forgetLearned(wire: string): void {
    const { netlink, log } = this.#options;
    const uplink = wire.startsWith(WIRE) ? otherEnd(wire) : deviceName('uplink', wire);
    const link = netlink.linkByName(uplink);
    // Without a bridge there is nobody who learned; a device that is being removed takes it along.
    if (link === undefined || link.master === undefined || !isMade(link)) return;
    try {
      netlink.writer.flushLearned(link.ifindex);
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      log.warn({ wire, error: error.message }, 'a bridge cannot be told to forget what it learned');
    }
  }

  /** ifindex of the data plane's end, or why there is none. */
  #connect({ network, bridge, name, uplink, vlans }: Pair, mayChange: boolean): number | string {
    const { netlink, bridges, log } = this.#options;
    const purpose = `physical network ${network}`;
    try {
      if (mayChange && (netlink.findLink(name) === undefined || netlink.findLink(uplink) === undefined)) {
        for (const half of [name, uplink]) this.#remove(half);
        makeHiddenPair(netlink, name, uplink, purpose);
      } else if (mayChange) for (const half of [name, uplink]) hide(netlink, half, purpose);
      const end = netlink.linkByName(name);
      const other = netlink.linkByName(uplink);
      if (end === undefined || other === undefined) return 'its devices are not there';
      const reason = mayChange ? bridges.connect(bridge, other, vlans) : undefined;
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
