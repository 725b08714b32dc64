import type { Bridge } from '../gen/vswitch.js';
import type { Link, Log, Netlink } from '../netlink/index.js';

/**
 * Devices that bear the name of a bridge or an internal port because ovs-vswitchd has left them: its user space data path
 * (Bridge.datapath_type netdev) makes taps, which stay when it ends without `--cleanup`, with nobody at their other end. They
 * give way to ours. One that a process still has open, a data path of the kernel's, and anything else stay.
 */
export class AbandonedTaps {
  readonly #netlink: Netlink;
  readonly #log: Log;
  /** Names of those that the kernel may not have removed yet. */
  readonly #going = new Set<string>();

  readonly #lookAgain: (name: string) => void;

  /** @param lookAgain is called with a name that will be free when `netlink.writer.removed` resolves */
  constructor(netlink: Netlink, log: Log, lookAgain: (name: string) => void) {
    this.#netlink = netlink;
    this.#log = log;
    this.#lookAgain = lookAgain;
  }

  /**
   * Has the device removed if it is one. Returns whether the name is not free yet for this reason.
   * @param link the device of that name, undefined: none is known
   * @throws NetlinkError
   */
  remove(name: string, link: Link | undefined, bridge: Bridge | undefined): boolean {
    if (this.#netlink.writer.removed === undefined) this.#going.clear();
    if (link === undefined) return this.#going.has(name);
    if (bridge?.datapath_type !== 'netdev' || link.kind !== 'tun') return false;
    // Asked for: while it is down it is announced to nobody that a process opens it, or ends.
    if (!this.#netlink.refreshLink(link.ifindex)?.abandonedTap) return false;
    const found = this.#netlink.addresses.get(link.ifindex) ?? [];
    const addresses = found.map(({ address, prefixLength }) => `${address}/${prefixLength}`);
    this.#log.info(
      { device: name, bridge: bridge.name, addresses },
      'removing a tap that ovs-vswitchd has left; the device that takes its place has none of its addresses',
    );
    this.#netlink.writer.remove(link.ifindex);
    this.#going.add(name);
    this.#lookAgain(name);
    return true;
  }
}
