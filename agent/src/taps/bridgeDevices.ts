import type { Bridge, Port } from '../gen/vswitch.js';
import { type Link, type Log, type Netlink, NetlinkError } from '../netlink/index.js';
import type { AbandonedTaps } from './abandonedTaps.js';
import type { Complaint } from './complaint.js';
import { localMac } from './localMac.js';
import { aliasFor, isMade } from './madeDevices.js';
import { ALL_VLANS, carriesAll, type VlanColumns, vlansOf } from './portVlans.js';

/** A port of a bridge, as its device takes part in it. */
interface Member {
  readonly ifindex: number;
  /** Of type internal, or a patch port: neither its address nor its MTU counts for the bridge. */
  readonly internal: boolean;
}

interface State {
  row: Bridge;
  /** Interface uuid → its device. */
  readonly members: Map<string, Member>;
  /** mtu_request of the local port. */
  mtuRequest: number | undefined;
}

const DEFAULT_MTU = 1500;

/**
 * Bridges other than the integration bridge: learning switches, as ovs-vswitchd runs them when no controller says otherwise
 * (NORMAL), here by the kernel's own bridge of the same name. That device is the local port, too: the host's addresses are there.
 * Where there is such a bridge already, it is taken as it is; another device of that name is not touched.
 */
export class BridgeDevices {
  readonly #netlink: Netlink;
  readonly #log: Log;
  readonly #abandoned: AbandonedTaps;
  readonly #states = new Map<string, State>();
  /** Bridges whose members changed. */
  readonly #unsettled = new Set<string>();
  /** ifindex → the VLANs that were set. */
  readonly #vlans = new Map<number, string>();

  constructor(netlink: Netlink, log: Log, abandoned: AbandonedTaps) {
    this.#netlink = netlink;
    this.#log = log;
    this.#abandoned = abandoned;
  }

  /** The bridge's device, if it has one. */
  device(name: string): Link | undefined {
    const link = this.#netlink.linkByName(name);
    return link?.kind === 'bridge' ? link : undefined;
  }

  /**
   * The device of a bridge, made if there is none; a text that says why there is none. An `idle` one has no ports and stays down.
   */
  ensure(row: Bridge, idle: boolean, mayChange: boolean): Link | string {
    const state = this.#states.get(row.name);
    if (state === undefined && !idle)
      this.#states.set(row.name, { row, members: new Map(), mtuRequest: undefined });
    else if (state !== undefined) state.row = row;
    let link = this.#netlink.findLink(row.name);
    // Made when it is gone.
    if (mayChange && this.#removeAbandoned(link, row)) return 'No such device';
    if (link === undefined) {
      if (!mayChange) return 'No such device';
      const reason = this.#try(() => this.#make(row, idle));
      if (reason !== undefined) return reason;
      this.#unsettled.add(row.name);
      link = this.#netlink.linkByName(row.name);
    }
    if (link === undefined) return 'No such device';
    return idle || link.kind === 'bridge' ? link : 'File exists';
  }

  /** What the local port's row asks for. */
  setLocal(
    name: string,
    mtuRequest: number | undefined,
    port: Port | undefined,
    mayChange: boolean,
  ): string | undefined {
    const state = this.#states.get(name);
    const link = this.device(name);
    if (state === undefined || link === undefined) return undefined;
    if (state.mtuRequest !== mtuRequest) this.#unsettled.add(name);
    state.mtuRequest = mtuRequest;
    return mayChange ? this.#setVlans(link, link, port) : undefined;
  }

  /** The bridge is in the database no more. */
  remove(name: string): void {
    this.#states.delete(name);
    this.#unsettled.delete(name);
    const link = this.device(name);
    if (link !== undefined && isMade(link)) this.#try(() => this.#netlink.writer.remove(link.ifindex));
  }

  /** Puts a device into a bridge; returns why it is not there. */
  join(
    name: string,
    uuid: string,
    known: Link,
    internal: boolean,
    port: Port | undefined,
    mayChange: boolean,
  ): string | undefined {
    const state = this.#states.get(name);
    const bridge = this.device(name);
    if (state === undefined || bridge === undefined) return 'No such device';
    // Somebody may have put it into another bridge just now, which is not ours to undo.
    const link =
      known.master === bridge.ifindex ? known : (this.#netlink.refreshLink(known.ifindex) ?? known);
    const there = link.master === bridge.ifindex;
    if (!there && !mayChange) return undefined;
    if (link.master !== undefined && !there && !this.#isOurs(link.master)) return 'Device or resource busy';
    const unfit = this.#unfit(bridge, port);
    if (unfit !== undefined) {
      if (there) this.leave(name, uuid, link);
      return unfit;
    }
    const reason = mayChange
      ? (this.#try(() => {
          if (!there) this.#netlink.writer.setMaster(link.ifindex, bridge.ifindex);
        }) ?? this.#setVlans(bridge, link, port))
      : undefined;
    if (reason === undefined) state.members.set(uuid, { ifindex: link.ifindex, internal });
    this.#unsettled.add(name);
    return reason;
  }

  /** Takes a device out of a bridge, if it is in there. */
  leave(name: string, uuid: string, link: Link | undefined): void {
    const state = this.#states.get(name);
    if (state?.members.delete(uuid)) this.#unsettled.add(name);
    const now = link && this.#netlink.links.get(link.ifindex);
    const bridge = this.device(name);
    if (now === undefined || bridge === undefined || now.master !== bridge.ifindex) return;
    this.#vlans.delete(now.ifindex);
    this.#try(() => this.#netlink.writer.setMaster(now.ifindex, undefined));
  }

  /** A device is gone: another may get its number. */
  forget(ifindex: number): void {
    this.#vlans.delete(ifindex);
  }

  /**
   * Puts an end of a physical network into a bridge; returns why it is not there.
   * @param vlans undefined: all; in a bridge that does not tell them apart it gets all, too
   */
  connect(name: string, link: Link, vlans?: VlanColumns): string | undefined {
    const bridge = this.device(name);
    if (bridge === undefined) return 'No such device';
    return (
      this.#try(() => {
        if (link.master !== bridge.ifindex) this.#netlink.writer.setMaster(link.ifindex, bridge.ifindex);
      }) ?? this.#setVlans(bridge, link, bridge.vlanFiltering ? vlans : undefined)
    );
  }

  /** Gives the bridges whose ports changed their address and MTU. */
  settle(): void {
    for (const name of this.#unsettled) {
      const state = this.#states.get(name);
      const link = this.device(name);
      if (state === undefined || link === undefined) continue;
      // One that somebody else made keeps its address, unless another is asked for.
      if (isMade(link) || state.row.other_config.has('hwaddr')) {
        const mac = this.macOf(state.row);
        if (link.mac !== mac) this.#try(() => this.#netlink.writer.setMac(link.ifindex, mac));
      }
      const mtu = state.mtuRequest ?? this.#mtuOf(state);
      if ((isMade(link) || state.mtuRequest !== undefined) && link.mtu !== mtu)
        this.#try(() => this.#netlink.writer.setMtu(link.ifindex, mtu));
    }
    this.#unsettled.clear();
  }

  /** The bridge's address has to be considered again. */
  unsettle(name: string): void {
    this.#unsettled.add(name);
  }

  /**
   * Hardware address of a bridge's local port, as ovs-vswitchd chooses it: other_config:hwaddr, else the least of its ports that
   * is globally administered, else one of its own.
   */
  macOf(row: Bridge): string {
    const own = localMac(row._uuid, row.other_config.get('hwaddr'));
    if (own === row.other_config.get('hwaddr')?.toLowerCase()) return own;
    const [least] = [...this.#linksOf(row.name)]
      .map(({ mac }) => mac)
      .filter((mac) => mac !== undefined && isGlobal(mac))
      .sort();
    return least ?? own;
  }

  *complaintsAbout(row: Bridge, idle: boolean): Iterable<Complaint> {
    const link = this.#netlink.linkByName(row.name);
    const about = { table: 'Bridge', uuid: row._uuid, name: row.name };
    if (!idle && link !== undefined && link.kind !== 'bridge') {
      const advice = adviceOn(this.#netlink.refreshLink(link.ifindex) ?? link, row);
      yield {
        ...about,
        column: 'name',
        message: `there is a device ${row.name} that is no bridge (${link.kind ?? 'a physical device'}); it is not touched, and the bridge is not there until it is gone${advice}`,
      };
    }
    if (!idle && row.fail_mode === 'secure')
      yield {
        ...about,
        column: 'fail_mode',
        message:
          'this bridge switches by itself (standalone): there is no OpenFlow that could tell it what to do',
      };
  }

  #make(row: Bridge, idle: boolean): void {
    const { writer } = this.#netlink;
    const { vlanFiltering } = writer.createBridge({ name: row.name, mac: this.macOf(row) });
    const link = this.#netlink.linkByName(row.name);
    if (link === undefined) return;
    writer.setAlias(link.ifindex, aliasFor(idle ? 'integration bridge' : 'bridge'));
    if (idle) return;
    if (vlanFiltering) this.#netlink.bridgeVlans.set(link.ifindex, ALL_VLANS);
    // It forwards nothing while it is down.
    writer.setUp(link.ifindex);
  }

  #removeAbandoned(link: Link | undefined, row: Bridge): boolean {
    let going = false;
    this.#try(() => {
      going = this.#abandoned.remove(row.name, link, row);
    });
    return going;
  }

  #isOurs(master: number): boolean {
    const link = this.#netlink.links.get(master);
    return link !== undefined && (isMade(link) || this.#states.has(link.name));
  }

  *#linksOf(name: string): Iterable<Link> {
    for (const { ifindex, internal } of this.#states.get(name)?.members.values() ?? []) {
      const link = internal ? undefined : this.#netlink.links.get(ifindex);
      if (link !== undefined) yield link;
    }
  }

  #mtuOf({ row }: State): number {
    const all = [...this.#linksOf(row.name)].map(({ mtu }) => mtu);
    return all.length === 0 ? DEFAULT_MTU : Math.min(...all);
  }

  /** Why the port's VLANs cannot be had: then it must not be in the bridge, which would open others to it. */
  #unfit(bridge: Link, port: VlanColumns | undefined): string | undefined {
    if (port === undefined || carriesAll(port)) return undefined;
    if (vlansOf(port) === undefined) return `VLAN mode ${port.vlan_mode} is not supported`;
    if (bridge.vlanFiltering) return undefined;
    return 'this kernel has no bridges with VLANs (CONFIG_BRIDGE_VLAN_FILTERING), or this bridge has them off';
  }

  #setVlans(bridge: Link, link: Link, port: VlanColumns | undefined): string | undefined {
    const unfit = this.#unfit(bridge, port);
    if (unfit !== undefined || !bridge.vlanFiltering) return unfit;
    const wanted = port === undefined ? ALL_VLANS : (vlansOf(port) ?? []);
    const text = `${bridge.ifindex} ${JSON.stringify(wanted)}`;
    if (this.#vlans.get(link.ifindex) === text) return undefined;
    const reason = this.#try(() => this.#netlink.bridgeVlans.set(link.ifindex, wanted));
    if (reason === undefined) this.#vlans.set(link.ifindex, text);
    return reason;
  }

  #try(change: () => void): string | undefined {
    try {
      change();
      return undefined;
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      this.#log.warn({ error: error.message }, 'a bridge cannot be set up as it should be');
      return error.message;
    }
  }
}

/** What to do about a device that is in the way of a bridge. */
function adviceOn(link: Link, { datapath_type }: Bridge): string {
  if (link.kind === 'openvswitch')
    return ': it is left from Open vSwitch, remove it with "ovs-dpctl del-dp ovs-system"';
  if (link.kind !== 'tun') return '';
  return link.abandonedTap
    ? `: a tap that nobody has open; of a bridge whose datapath_type is not netdev, as here ("${datapath_type}"), ovs-vswitchd leaves none. Remove it with "ip link delete ${link.name}" if it is nobody's`
    : ': a process has it open, perhaps an ovs-vswitchd that still runs';
}

function isGlobal(mac: string): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 0x03) === 0 && mac !== '00:00:00:00:00:00';
}
