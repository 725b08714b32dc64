import {
  AF_INET6,
  EOPNOTSUPP,
  IFF_PROMISC,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_AF_SPEC,
  IFLA_BR_MCAST_SNOOPING,
  IFLA_BR_STP_STATE,
  IFLA_BR_VLAN_DEFAULT_PVID,
  IFLA_BR_VLAN_FILTERING,
  IFLA_BRPORT_FLUSH,
  IFLA_GROUP,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_INFO_SLAVE_DATA,
  IFLA_INFO_SLAVE_KIND,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  IN6_ADDR_GEN_MODE_NONE,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  RTM_NEWLINK,
  VETH_INFO_PEER,
} from './constants.js';
import { type Link, linkHeader } from './link.js';
import type { Log } from './log.js';
import { type AttributeToSend, nest, text, u8, u32 } from './message.js';
import { NetlinkError } from './netlinkError.js';
import { DOOMED, Removals } from './removals.js';
import type { RequestSocket } from './requestSocket.js';

/** What a device gets besides its name when it is made. */
export interface NewDevice {
  readonly name: string;
  /** `aa:bb:cc:dd:ee:ff`; default: the kernel chooses one at random. */
  readonly mac?: string;
  readonly mtu?: number;
}

/** Takes note that a device is gone. */
export type ForgetLink = (ifindex: number) => void;

/** Reads the device anew, by ifindex or by name, so that `Netlink.links` has it when a change returns; undefined when it is gone. */
export type RereadLink = (device: number | string) => Link | undefined;

/**
 * Changes to the devices of this network namespace. The kernel does its work while it is asked, so each of these but `remove` is
 * done, and to be seen in `Netlink.links`, when it returns. All throw NetlinkError with the kernel's explanation.
 */
export class LinkWriter {
  readonly #requests: RequestSocket;
  readonly #reread: RereadLink;
  readonly #forget: ForgetLink;
  readonly #removals: Removals;

  constructor(requests: RequestSocket, reread: RereadLink, forget: ForgetLink, log: Log) {
    this.#removals = new Removals(log);
    this.#requests = requests;
    this.#reread = reread;
    this.#forget = forget;
  }

  setUp(ifindex: number): void {
    this.#change(`set device ${ifindex} up`, ifindex, [], IFF_UP);
  }

  /** Whether the device takes frames for whatever address. */
  setPromiscuous(ifindex: number, on: boolean): void {
    this.#change(`set device ${ifindex} promiscuous`, ifindex, [], on ? IFF_PROMISC : 0, IFF_PROMISC);
  }

  setMtu(ifindex: number, mtu: number): void {
    this.#change(`set MTU ${mtu} of device ${ifindex}`, ifindex, [[IFLA_MTU, u32(mtu)]]);
  }

  setMac(ifindex: number, mac: string): void {
    this.#change(`set address ${mac} of device ${ifindex}`, ifindex, [[IFLA_ADDRESS, macBytes(mac)]]);
  }

  /** Free text that goes with the device, shown by `ip link`. */
  setAlias(ifindex: number, alias: string): void {
    this.#change(`set alias of device ${ifindex}`, ifindex, [[IFLA_IFALIAS, Buffer.from(alias)]]);
  }

  /** Enslaves the device to a bridge; `undefined` frees it. */
  setMaster(ifindex: number, master: number | undefined): void {
    const what =
      master === undefined ? `free device ${ifindex}` : `put device ${ifindex} into bridge ${master}`;
    this.#change(what, ifindex, [[IFLA_MASTER, u32(master ?? 0)]]);
  }

  /** The bridge that the device is in forgets the addresses it has learned there (`bridge fdb flush dev`). */
  flushLearned(ifindex: number): void {
    const flush = nest([[IFLA_BRPORT_FLUSH, Buffer.alloc(0)]]);
    const slave = nest([
      [IFLA_INFO_SLAVE_KIND, text('bridge')],
      [IFLA_INFO_SLAVE_DATA, flush],
    ]);
    this.#change(`forget what was learned at device ${ifindex}`, ifindex, [[IFLA_LINKINFO, slave]]);
  }

  /** The kernel shall give the device no IPv6 link-local address when it comes up. A kernel without IPv6 has nothing to do. */
  withoutLinkLocal(ifindex: number): void {
    const mode: AttributeToSend = [IFLA_INET6_ADDR_GEN_MODE, u8(IN6_ADDR_GEN_MODE_NONE)];
    const what = `no link-local address for device ${ifindex}`;
    try {
      this.#change(what, ifindex, [[IFLA_AF_SPEC, nest([[AF_INET6, nest([mode])]])]]);
    } catch (error) {
      if (!(error instanceof NetlinkError) || !['EAFNOSUPPORT', 'EOPNOTSUPP'].includes(error.code))
        throw error;
    }
  }

  /** Makes two devices of which each sends what the other receives; EEXIST when one of the names is taken. */
  createVeth(one: NewDevice, other: NewDevice): void {
    const peer = Buffer.concat([linkHeader(0), nest(attributesFor(other))]);
    this.#create(one, 'veth', [[VETH_INFO_PEER, peer]]);
    this.#reread(other.name);
  }

  /**
   * Makes a learning bridge that does nothing but switch: no spanning tree, no snooping. Where the kernel can, VLANs are kept
   * apart when it learns, and each port has to be given its VLANs then (BridgeVlans). Returns whether that is so.
   */
  createBridge(bridge: NewDevice): { readonly vlanFiltering: boolean } {
    this.#create(bridge, 'bridge', [
      [IFLA_BR_STP_STATE, u32(0)],
      [IFLA_BR_MCAST_SNOOPING, u8(0)],
    ]);
    const link = this.#reread(bridge.name);
    if (link === undefined) return { vlanFiltering: false };
    try {
      // Not when it is made: a kernel that cannot would make it and remove it again, which takes long.
      this.#change(`VLANs of bridge ${bridge.name}`, link.ifindex, [
        [
          IFLA_LINKINFO,
          infoOf('bridge', [
            [IFLA_BR_VLAN_DEFAULT_PVID, Buffer.alloc(2)],
            [IFLA_BR_VLAN_FILTERING, u8(1)],
          ]),
        ],
      ]);
      return { vlanFiltering: true };
    } catch (error) {
      if (!(error instanceof NetlinkError) || error.errno !== EOPNOTSUPP) throw error;
      return { vlanFiltering: false };
    }
  }

  /**
   * Removes a device; of a veth both ends. `Netlink.links` has it no more when this returns, but its name is free only when
   * `removed` says so: the kernel takes some 20 ms, for many as for one, and another thread waits for it. A device that is gone
   * already is no error.
   */
  remove(ifindex: number): void {
    try {
      this.#requests.request(`remove device ${ifindex}`, RTM_NEWLINK, NLM_F_ACK, linkHeader(ifindex), [
        [IFLA_GROUP, u32(DOOMED)],
      ]);
      this.#removals.request();
    } catch (error) {
      if (!(error instanceof NetlinkError) || error.code !== 'ENODEV') throw error;
    }
    this.#forget(ifindex);
  }

  /** Removes what an earlier process was about to remove when it ended. */
  finishRemovals(links: Iterable<Link>): void {
    for (const { ifindex, group } of links) if (group === DOOMED) this.remove(ifindex);
  }

  /** Resolves when all that `remove` was called for is gone; undefined when nothing is being removed. Never rejects. */
  get removed(): Promise<void> | undefined {
    return this.#removals.done;
  }

  #create(device: NewDevice, kind: string, data: readonly AttributeToSend[]): void {
    const flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    this.#requests.request(`make ${kind} ${device.name}`, RTM_NEWLINK, flags, linkHeader(0), [
      ...attributesFor(device),
      [IFLA_LINKINFO, infoOf(kind, data)],
    ]);
    this.#reread(device.name);
  }

  #change(
    what: string,
    ifindex: number,
    attributes: readonly AttributeToSend[],
    flags = 0,
    mask = flags,
  ): void {
    this.#requests.request(what, RTM_NEWLINK, NLM_F_ACK, linkHeader(ifindex, flags, mask), attributes);
    this.#reread(ifindex);
  }
}

function attributesFor({ name, mac, mtu }: NewDevice): AttributeToSend[] {
  return [
    [IFLA_IFNAME, text(name)],
    ...(mac === undefined ? [] : [[IFLA_ADDRESS, macBytes(mac)] as const]),
    ...(mtu === undefined ? [] : [[IFLA_MTU, u32(mtu)] as const]),
  ];
}

function infoOf(kind: string, data: readonly AttributeToSend[]): Buffer {
  return nest([
    [IFLA_INFO_KIND, text(kind)],
    [IFLA_INFO_DATA, nest(data)],
  ]);
}

function macBytes(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}
