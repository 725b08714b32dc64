import type { Link, Netlink } from '../netlink/index.js';
import { aliasFor } from './madeDevices.js';

/**
 * MTU of ends that nobody looks at: what is too long for whoever receives it is dropped there, and a bridge does not take such
 * an end's MTU for its own.
 */
const LARGEST_MTU = 65_535;

/** Makes a pair for the data plane's and the bridge's use: both marked, up, without addresses. @throws NetlinkError */
export function makeHiddenPair(netlink: Netlink, one: string, other: string, purpose: string): void {
  const { writer } = netlink;
  writer.createVeth({ name: one, mtu: LARGEST_MTU }, { name: other, mtu: LARGEST_MTU });
  for (const name of [one, other]) hide(netlink, name, purpose);
}

/** Makes a device for people, down as ovs-vswitchd leaves it, and the hidden end that belongs to it. @throws NetlinkError */
export function makeInternalPair(
  netlink: Netlink,
  hidden: string,
  device: { name: string; mac?: string },
  purpose: string,
): void {
  netlink.writer.createVeth({ name: hidden, mtu: LARGEST_MTU }, device);
  hide(netlink, hidden, purpose);
}

/** Completes what was made, perhaps by an agent that was killed before it was done. @throws NetlinkError */
export function hide(netlink: Netlink, name: string, purpose: string): Link | undefined {
  const { writer } = netlink;
  const link = netlink.findLink(name);
  if (link === undefined) return undefined;
  const alias = aliasFor(purpose);
  if (link.alias !== alias) {
    writer.withoutLinkLocal(link.ifindex);
    writer.setAlias(link.ifindex, alias);
  }
  if (!link.up) writer.setUp(link.ifindex);
  return netlink.links.get(link.ifindex);
}
