import type { Bridge } from '../gen/vswitch.js';
import type { Link, Log, Netlink } from '../netlink/index.js';

/**
 * Removes a device that bears the name of a bridge or an internal port because ovs-vswitchd has left it: its user space data path
 * (Bridge.datapath_type netdev) makes taps, which stay when it ends without `--cleanup`, and with nobody at their other end. One
 * that a process still has open, a data path of the kernel's, and anything else stay. Returns whether it is going.
 * @throws NetlinkError
 */
export function removeAbandonedTap(
  netlink: Netlink,
  log: Log,
  link: Link,
  bridge: Bridge | undefined,
): boolean {
  if (bridge?.datapath_type !== 'netdev' || !link.abandonedTap) return false;
  // A process that opens it, or ends, while it is down is announced to nobody.
  if (!netlink.refreshLink(link.ifindex)?.abandonedTap) return false;
  const addresses = (netlink.addresses.get(link.ifindex) ?? []).map(
    (one) => `${one.address}/${one.prefixLength}`,
  );
  log.info(
    { device: link.name, bridge: bridge.name, addresses },
    'removing a tap that ovs-vswitchd has left; the device that takes its place has none of its addresses',
  );
  netlink.writer.remove(link.ifindex);
  return true;
}
