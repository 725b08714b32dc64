import type { Bridge, Interface } from '../gen/vswitch.js';
import type { Link, Netlink } from '../netlink/index.js';
import type { AbandonedTaps } from './abandonedTaps.js';
import { deviceName, isMade } from './madeDevices.js';
import { hide, makeInternalPair } from './vethPair.js';

/** The devices of an interface. */
export interface Ends {
  /** The one that bears its name, for whoever plugs; undefined when it is where the kernel shows it to nobody here. */
  readonly link: Link | undefined;
  /** The one that the data plane has: for everything but internal ports the same. */
  readonly end: Link;
}

/**
 * Ports of type internal: a veth, one end with the Interface's name, which may be moved to any network namespace and given any
 * name there and stays that port; the other end is the data plane's. A device of that name that somebody else made is taken as
 * it is.
 */
export class InternalPorts {
  readonly #netlink: Netlink;
  readonly #abandoned: AbandonedTaps;
  /** Interface uuid → Interface.mac that was set. */
  readonly #macs = new Map<string, string>();

  constructor(netlink: Netlink, abandoned: AbandonedTaps) {
    this.#netlink = netlink;
    this.#abandoned = abandoned;
  }

  /** The devices; undefined when there are none and none may be made. @throws NetlinkError */
  ends(row: Interface, bridge: Bridge | undefined, mayChange: boolean): Ends | undefined {
    const { name } = row;
    const hidden = deviceName('internal', name);
    const purpose = `internal port ${name}`;
    let end = this.#netlink.findLink(hidden);
    if (end === undefined) {
      const foreign = this.#netlink.findLink(name);
      // Made when it is gone.
      if (mayChange && this.#abandoned.remove(name, foreign, bridge)) return undefined;
      if (foreign !== undefined) return { link: foreign, end: foreign };
      if (!mayChange || !fits(name)) return undefined;
      makeInternalPair(this.#netlink, hidden, { name, mac: unicast(row.mac) }, purpose);
      if (row.mac !== undefined) this.#macs.set(row._uuid, row.mac);
      end = this.#netlink.linkByName(hidden);
    } else if (mayChange) end = hide(this.#netlink, hidden, purpose);
    if (end === undefined) return undefined;
    if (mayChange) this.#setMac(row, end);
    return { link: this.#netlink.peerOf(end), end };
  }

  /** Removes what was made for an interface that is no internal port any more. @throws NetlinkError */
  remove(name: string): void {
    const hidden = this.#netlink.linkByName(deviceName('internal', name));
    if (hidden !== undefined && isMade(hidden)) this.#netlink.writer.remove(hidden.ifindex);
  }

  /** The row is gone. */
  forget(uuid: string): void {
    this.#macs.delete(uuid);
  }

  /** Interface.mac, once: who changes the address afterwards is not fought. */
  #setMac({ _uuid, mac }: Interface, end: Link): void {
    if (this.#macs.get(_uuid) === mac) return;
    if (mac === undefined) this.#macs.delete(_uuid);
    else this.#macs.set(_uuid, mac);
    const wanted = unicast(mac);
    const link = end.peerInOtherNetns ? undefined : this.#netlink.peerOf(end);
    if (wanted !== undefined && link !== undefined && link.mac !== wanted)
      this.#netlink.writer.setMac(link.ifindex, wanted);
  }
}

function fits(name: string): boolean {
  return (
    name !== '' && Buffer.byteLength(name) <= 15 && !/[/\s:]/.test(name) && name !== '.' && name !== '..'
  );
}

/** An address that an interface can have; ovs-vswitchd ignores others, too. */
function unicast(mac: string | undefined): string | undefined {
  if (mac === undefined || !/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac)) return undefined;
  return Number.parseInt(mac.slice(1, 2), 16) & 1 ? undefined : mac.toLowerCase();
}
