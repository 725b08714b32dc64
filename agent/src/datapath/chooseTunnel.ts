import type { Encap, RemoteChassis } from '@iovisor-ovn/proto';
import type { EncapType, Tunnel } from './compile/tunnelFacts.js';
import { canonicalIp, sameFamily } from './compile/underlay.js';
import { Refused } from './refused.js';

/** OVN's preference where both sides have more than one. */
const PREFERENCE: readonly EncapType[] = ['geneve', 'vxlan'];

/** What the Open_vSwitch row says about the outer header, beside the encapsulations. */
export interface OuterSettings {
  /** ovn-encap-tos: the outer TOS byte, 0 when not set, or that of the inner packet. */
  tos: number | 'inherit';
  /** ovn-set-local-ip: packets leave from the first address, whatever source the kernel would choose. */
  setLocalIp: boolean;
  /** ovn-encap-df_default: routers must not fragment what leaves over IPv4. */
  df: boolean;
}

export const NO_OUTER_SETTINGS: OuterSettings = { tos: 0, setLocalIp: false, df: true };

/** This chassis as the tunnels see it. */
export interface LocalEnd extends OuterSettings {
  encaps: readonly Encap[];
  /** The source address that the kernel gives a packet to that address; undefined: no route. */
  sourceTo(remoteIp: string): string | undefined;
}

/**
 * The tunnels to another chassis as OVN makes them (encaps.c): of the best type both sides have, one to each of its addresses of
 * that type. The first is for everything that asks for no particular one. OVN before 24.03 lets the kernel's routing choose the
 * source, and so does this, as long as that is an address we have published: the other end knows no other.
 * @throws Refused when none is possible
 */
export function chooseTunnels(local: LocalEnd, remote: RemoteChassis): Tunnel[] {
  for (const encap of PREFERENCE) {
    const localIps = addressesOf(local.encaps, encap);
    if (localIps.length === 0 || !remote.encaps.some(({ type }) => type === encap)) continue;
    const tunnels = addressesOf(remote.encaps, encap).flatMap((remoteIp): Tunnel[] => {
      const ours = localIps.filter((ip) => sameFamily(ip, remoteIp));
      const localIp = sourceFor(local, ours, remoteIp);
      if (localIp === undefined) return [];
      const csum = remote.encaps.some(
        (one) => one.type === encap && one.csum && canonicalIp(one.ip) === remoteIp,
      );
      const either =
        both(local.encaps) && both(remote.encaps.filter((one) => canonicalIp(one.ip) === remoteIp));
      return [{ encap, localIp, remoteIp, localIps: ours, csum, tos: local.tos, df: local.df, either }];
    });
    if (tunnels.length > 0) return tunnels;
    break; // OVN does not fall back to another type either
  }
  throw new Refused(
    `no tunnel to chassis ${remote.name} is possible: it has ${listed(remote.encaps)}, this chassis has ${listed(local.encaps)}; geneve or vxlan on both sides, and addresses of one IP version, are needed`,
  );
}

/** The other end may have chosen before it knew of our best type, or of its own. */
function both(encaps: readonly Encap[]): boolean {
  return PREFERENCE.every((wanted) => encaps.some(({ type }) => type === wanted));
}

function sourceFor(local: LocalEnd, ours: readonly string[], remoteIp: string): string | undefined {
  if (local.setLocalIp || ours.length < 2) return ours[0];
  const chosen = local.sourceTo(remoteIp);
  return chosen !== undefined && ours.includes(chosen) ? chosen : ours[0];
}

/** Each once; the default first, otherwise in the order given. What is no address is left out. */
export function addresses(encaps: readonly Encap[]): string[] {
  const sorted = [...encaps.filter(({ isDefault }) => isDefault), ...encaps];
  return [...new Set(sorted.flatMap(({ ip }) => canonicalIp(ip) ?? []))];
}

function addressesOf(encaps: readonly Encap[], type: EncapType): string[] {
  return addresses(encaps.filter((encap) => encap.type === type));
}

function listed(encaps: readonly Encap[]): string {
  return encaps.map(({ type, ip }) => `${type} ${ip}`).join(', ') || 'no encap';
}
