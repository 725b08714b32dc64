import type { MulticastGroup, MulticastQuerier } from '@iovisor-ovn/proto';
import type { IpMulticastRow, MulticastGroupRow, StringMap } from '../monitor/rows.js';
import { ipBytes, macBytes } from './addresses.js';

/** What ovn-controller assumes where IP_Multicast says nothing (ip-mcast-index.h). */
export const defaultTableSize = 2048;
export const defaultIdleTimeout = 300;
const defaultMaxResponse = 1;

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

const longest = 3600;
const within = (least: number, seconds: number) => Math.min(Math.max(least, seconds), longest);

/** Who asks the machines of a switch, as ovn-controller reads it; undefined: nobody, or an address is wrong. */
export function querierOf(row: IpMulticastRow | undefined): MulticastQuerier | undefined {
  if (!row?.enabled || !row.querier) return undefined;
  const ethSrc = macBytes(row.eth_src ?? '');
  const ip4Src = ipBytes(row.ip4_src ?? '');
  const ip6Src = ipBytes(row.ip6_src ?? '');
  const querier = {
    interval: within(1, row.query_interval ?? Math.floor((row.idle_timeout ?? defaultIdleTimeout) / 2)),
    maxResponse: within(0, row.query_max_resp ?? defaultMaxResponse),
    ip4Src: ip4Src?.length === 4 ? ip4Src : noAddress,
    ip6Src: ip6Src?.length === 16 ? ip6Src : noAddress,
  };
  if (!ethSrc || querier.ip4Src.length + querier.ip6Src.length === 0) return undefined;
  return { ...querier, ethSrc };
}

const noAddress = new Uint8Array();
/** All nodes, all routers of the link, all routers of the site. */
const floodedAnyway: ReadonlySet<string> = new Set(['ff02::1', 'ff02::2', 'ff05::2']);

function routedAddress(name: string): Uint8Array | undefined {
  const bytes = floodedAnyway.has(name) ? undefined : ipBytes(name);
  const isLinkLocal = bytes?.length === 4 && bytes[0] === 224 && bytes[1] === 0 && bytes[2] === 0;
  return isLinkLocal ? undefined : bytes;
}
