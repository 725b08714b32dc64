import type { MulticastGroup } from '@iovisor-ovn/proto';
import type { MulticastGroupRow, StringMap } from '../monitor/rows.js';
import { ipBytes } from './addresses.js';

/** What ovn-controller assumes where IP_Multicast says nothing (ip-mcast-index.h). */
export const defaultTableSize = 2048;
export const defaultIdleTimeout = 300;

/** smap_get_bool() of OVN, for options that are false by default. */
export function isSet(map: StringMap | undefined, key: string): boolean {
  return map?.get(key)?.toLowerCase() === 'true';
}

/**
 * The groups of a switch, in the order of their keys. Those of IP multicast come with their address where northd has a flow for
 * it: not for what is flooded anyway, and for so many of each family as mcast_table_size says.
 */
export function multicastGroups(rows: Iterable<MulticastGroupRow>, tableSize: number): MulticastGroup[] {
  const counts = { ip4: 0, ip6: 0 };
  return [...rows]
    .sort((a, b) => a.tunnel_key - b.tunnel_key)
    .map(({ name, tunnel_key, ports }) => {
      const address = routedAddress(name);
      const fits = address !== undefined && counts[address.length === 4 ? 'ip4' : 'ip6']++ < tableSize;
      return {
        name,
        tunnelKey: tunnel_key,
        portIds: [...(ports ?? [])],
        address: fits ? address : noAddress,
      };
    });
}

const noAddress = new Uint8Array();
/** All nodes, all routers of the link, all routers of the site. */
const floodedAnyway: ReadonlySet<string> = new Set(['ff02::1', 'ff02::2', 'ff05::2']);

function routedAddress(name: string): Uint8Array | undefined {
  const bytes = floodedAnyway.has(name) ? undefined : ipBytes(name);
  const isLinkLocal = bytes?.length === 4 && bytes[0] === 224 && bytes[1] === 0 && bytes[2] === 0;
  return isLinkLocal ? undefined : bytes;
}
