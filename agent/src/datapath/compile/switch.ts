import type { LogicalSwitch } from '@iovisor-ovn/proto';
import {
  iov_datapath_flag as flag,
  iov_datapathCodec,
  iov_dest_kind,
  iov_destCodec,
  iov_mcast_keyCodec,
  iov_tunnel_keyCodec,
} from '../abi.js';
import { type Entry, u32 } from '../entry.js';
import { mapped } from './ip.js';

/** The group that broadcast and multicast go to. */
export const FLOOD = '_MC_flood';
/** Ports with `unknown` among their addresses. */
export const UNKNOWN = '_MC_unknown';
/** All but router ports. */
export const FLOOD_L2 = '_MC_flood_l2';
/** Ports that IP multicast goes to in any case. */
const STATIC = '_MC_static';
/** Ports that IGMP and MLD reports go to. */
const MROUTER = '_MC_mrouter_flood';

/** The datapath itself, and what arriving tunnel headers may name as a group of it. */
export function compileSwitch(resource: LogicalSwitch, datapath: number, hasUnknown: boolean): Entry[] {
  const keyOf = (name: string) => resource.groups.find((group) => group.name === name)?.tunnelKey ?? 0;
  const value = iov_datapathCodec.encode({
    tunnel_key: resource.tunnelKey,
    flood_group: keyOf(FLOOD),
    unknown_group: hasUnknown ? keyOf(UNKNOWN) : 0,
    ...snooping(resource, keyOf),
  });
  const groups = resource.groups.map(({ tunnelKey }): Entry => {
    const key = { datapath_key: resource.tunnelKey, egress_key: tunnelKey };
    const dest = { kind: iov_dest_kind.IOV_DEST_GROUP, egress_key: tunnelKey, index: datapath };
    return {
      map: 'iov_tunnel_dests',
      key: iov_tunnel_keyCodec.encode(key),
      value: iov_destCodec.encode(dest),
    };
  });
  return [{ map: 'iov_datapaths', key: u32(datapath), value }, ...groups, ...joined(resource, datapath)];
}

function snooping({ mcastSnoop, mcastFloodUnregistered }: LogicalSwitch, keyOf: (name: string) => number) {
  if (!mcastSnoop) return {};
  return {
    flags: flag.IOV_DATAPATH_SNOOP | (mcastFloodUnregistered ? flag.IOV_DATAPATH_FLOOD_UNREGISTERED : 0),
    flood_l2_group: keyOf(FLOOD_L2),
    static_group: keyOf(STATIC),
    mrouter_group: keyOf(MROUTER),
  };
}

/** The groups of IP multicast addresses. */
function joined({ mcastSnoop, groups }: LogicalSwitch, datapath: number): Entry[] {
  if (!mcastSnoop) return [];
  return groups
    .filter(({ address }) => address.length > 0)
    .map(({ address, tunnelKey }) => ({
      map: 'iov_mcast',
      key: iov_mcast_keyCodec.encode({ datapath, ip: mapped(address) }),
      value: u32(tunnelKey),
    }));
}
