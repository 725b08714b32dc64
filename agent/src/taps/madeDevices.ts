import { createHash } from 'node:crypto';
import type { Link, Netlink } from '../netlink/index.js';

/** What the alias (`ip link`) of every device begins with that an agent made. Nothing without it is ever removed. */
const MARK = 'iovisor';

/**
 * What a device is for whose name no row gives:
 * - `internal`: the end of an internal port that the data plane has; the other bears the Interface's name
 * - `network`: the end of a physical network that the data plane has
 * - `uplink`: its other end, in the bridge of that network
 * - `patch`: the end of a patch port
 *
 * Further wires into networks (physicalNetworks.ts) have names of their own.
 */
export type DeviceRole = 'internal' | 'network' | 'uplink' | 'patch';

const PREFIX: Readonly<Record<DeviceRole, string>> = {
  internal: 'iovi',
  network: 'iovn',
  uplink: 'iovu',
  patch: 'iovp',
};
/** IFNAMSIZ without the terminating NUL. */
const LONGEST = 15;

/** Name of the device that is made for something of this name: always the same, so that an agent finds it after a restart. */
export function deviceName(role: DeviceRole, name: string): string {
  const plain = `${PREFIX[role]}-${name}`;
  if (plain.length <= LONGEST && /^[\w-]+$/.test(name)) return plain;
  return `${PREFIX[role]}.${createHash('sha256').update(name).digest('hex').slice(0, 10)}`;
}

/** IFALIASZ without the terminating NUL, in bytes. The kernel refuses what is longer, and the device would not be known as ours. */
const LONGEST_ALIAS = 255;

/** Alias for a device that is made: `iovisor physical network physnet1`. A long one is cut, not within a character. */
export function aliasFor(purpose: string): string {
  const cut = Buffer.from(`${MARK} ${purpose}`).subarray(0, LONGEST_ALIAS);
  return cut.toString().replace(/\uFFFD+$/, '');
}

/** Whether an agent made the device. */
export function isMade({ alias }: Link): boolean {
  return alias === MARK || alias?.startsWith(`${MARK} `) === true;
}

/** Removes the devices that an agent made, but for those that are to stay; returns their names. @throws NetlinkError */
export function removeMadeDevices(netlink: Netlink, stays: (link: Link) => boolean = () => false): string[] {
  const gone = [...netlink.links.values()].filter((link) => isMade(link) && !stays(link));
  for (const { ifindex } of gone) netlink.writer.remove(ifindex);
  return gone.map(({ name }) => name);
}
