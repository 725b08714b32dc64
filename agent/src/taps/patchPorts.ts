import type { Link, Netlink } from '../netlink/index.js';
import { deviceName, isMade } from './madeDevices.js';
import { hide, makeHiddenPair } from './vethPair.js';

/** Patch ports between two bridges that switch: a veth, an end for each of the two interfaces. */
export class PatchPorts {
  readonly #netlink: Netlink;

  constructor(netlink: Netlink) {
    this.#netlink = netlink;
  }

  /** The end of the patch port `name`, made with its peer's if it is not there. @throws NetlinkError */
  end(name: string, peer: string, mayChange: boolean): Link | undefined {
    const [own, other] = [deviceName('patch', name), deviceName('patch', peer)];
    const [here, there] = [this.#netlink.findLink(own), this.#netlink.findLink(other)];
    if (here !== undefined && here.peerIfindex === there?.ifindex)
      return mayChange ? hide(this.#netlink, own, purposeOf(name)) : here;
    if (!mayChange) return undefined;
    // Ends of other pairs, from when the ports had other peers.
    for (const each of [name, peer]) this.remove(each);
    makeHiddenPair(this.#netlink, own, other, purposeOf(name));
    hide(this.#netlink, other, purposeOf(peer));
    return this.#netlink.linkByName(own);
  }

  /** Removes the patch port's devices, its peer's too. @throws NetlinkError */
  remove(name: string): void {
    const link = this.#netlink.linkByName(deviceName('patch', name));
    if (link !== undefined && isMade(link)) this.#netlink.writer.remove(link.ifindex);
  }
}

const purposeOf = (name: string) => `patch port ${name}`;
