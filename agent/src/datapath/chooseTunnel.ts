import type { Encap, RemoteChassis } from '@iovisor-ovn/proto';
import { parseIp4 } from './compile/ip.js';
import type { EncapType, Tunnel } from './compile/tunnel.js';
import { Refused } from './refused.js';

/** OVN's preference where both sides have more than one. */
const PREFERENCE: readonly EncapType[] = ['geneve', 'vxlan'];

/**
 * The tunnel to another chassis: the best type both sides have, from our first address of it to their first.
 * @throws Refused when there is none
 */
export function chooseTunnel(local: readonly Encap[], remote: RemoteChassis): Tunnel {
  const localIps = addresses(local);
  const remoteIps = addresses(remote.encaps);
  for (const encap of PREFERENCE) {
    const localIp = firstOf(local, encap);
    const remoteIp = firstOf(remote.encaps, encap);
    if (localIp === undefined || remoteIp === undefined) continue;
    return { encap, localIp, remoteIp, remoteIps, localIps };
  }
  throw new Refused(
    `no tunnel to chassis ${remote.name} is possible: it has ${listed(remote.encaps)}, this chassis has ${listed(local)}; IPv4 geneve and vxlan are supported`,
  );
}

function firstOf(encaps: readonly Encap[], type: EncapType): number | undefined {
  return addresses(encaps.filter((encap) => encap.type === type))[0];
}

/** IPv4 only: struct iov_tunnel has no room for more in version 1. Each once, in the order given. */
export function addresses(encaps: readonly Encap[]): number[] {
  return [...new Set(encaps.flatMap(({ ip }) => parseIp4(ip) ?? []))];
}

function listed(encaps: readonly Encap[]): string {
  return encaps.map(({ type, ip }) => `${type} ${ip}`).join(', ') || 'no encap';
}
