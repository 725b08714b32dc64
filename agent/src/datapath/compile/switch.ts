import type { LogicalSwitch } from '@iovisor-ovn/proto';
import { iov_datapathCodec, iov_dest_kind, iov_destCodec, iov_tunnel_keyCodec } from '../abi.js';
import { type Entry, u32 } from '../entry.js';

/** The group that broadcast and multicast go to. */
export const FLOOD = '_MC_flood';
/** Ports with `unknown` among their addresses. */
export const UNKNOWN = '_MC_unknown';
/** All but router ports. */
export const FLOOD_L2 = '_MC_flood_l2';

/** The datapath itself, and what arriving tunnel headers may name as a group of it. */
export function compileSwitch(resource: LogicalSwitch, datapath: number, hasUnknown: boolean): Entry[] {
  const keyOf = (name: string) => resource.groups.find((group) => group.name === name)?.tunnelKey ?? 0;
  const value = iov_datapathCodec.encode({
    tunnel_key: resource.tunnelKey,
    flood_group: keyOf(FLOOD),
    unknown_group: hasUnknown ? keyOf(UNKNOWN) : 0,
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
  return [{ map: 'iov_datapaths', key: u32(datapath), value }, ...groups];
}
