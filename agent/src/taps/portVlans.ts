import type { Port } from '../gen/vswitch.js';
import type { BridgeVlan } from '../netlink/index.js';

/**
 * The VLAN that stands for frames without a tag in Linux bridges that keep VLANs apart: they know no VLAN 0 as Open vSwitch does.
 * Of the 4,094 the one that is used least; frames that bear this tag cannot be told from those without.
 */
export const UNTAGGED = 4094;

/** Columns of Port that say which VLANs it carries. */
export type VlanColumns = Pick<Port, 'tag' | 'trunks' | 'vlan_mode'>;

const NO_COLUMNS: VlanColumns = { tag: undefined, trunks: [], vlan_mode: undefined };

/** VLANs of a port that carries everything, with and without a tag. */
export const ALL_VLANS: readonly BridgeVlan[] = vlansOf(NO_COLUMNS) as BridgeVlan[];

/** Whether the port takes part in all VLANs, so that a bridge need not tell them apart. */
export function carriesAll({ tag, trunks, vlan_mode }: VlanColumns): boolean {
  return tag === undefined && trunks.length === 0 && (vlan_mode === undefined || vlan_mode === 'trunk');
}

/** What ovs-vswitchd.conf.db(5) says of Port.vlan_mode, tag and trunks; undefined for a mode that Linux bridges do not have. */
export function vlansOf({ tag, trunks, vlan_mode }: VlanColumns): BridgeVlan[] | undefined {
  const mode = vlan_mode ?? (tag === undefined ? 'trunk' : 'access');
  const native = tag === undefined || tag === 0 ? UNTAGGED : tag;
  const untagged = { pvid: true, untagged: true };
  const tagged = { pvid: false, untagged: false };
  switch (mode) {
    case 'access':
      return [{ first: native, last: native, ...untagged }];
    case 'trunk':
      return [
        ...carried(trunks, UNTAGGED).map((range) => ({ ...range, ...tagged })),
        ...(trunks.length === 0 || trunks.includes(0)
          ? [{ first: UNTAGGED, last: UNTAGGED, ...untagged }]
          : []),
      ];
    case 'native-tagged':
    case 'native-untagged':
      return [
        ...carried(trunks, native).map((range) => ({ ...range, ...tagged })),
        {
          first: native,
          last: native,
          pvid: true,
          untagged: mode === 'native-untagged' || native === UNTAGGED,
        },
      ];
    default:
      return undefined;
  }
}

/** Those of `trunks`, or all, without `except` and what stands for frames without a tag. */
function carried(trunks: readonly number[], except: number): { first: number; last: number }[] {
  const wanted = new Set(trunks);
  const ranges: { first: number; last: number }[] = [];
  for (let vid = 1; vid < UNTAGGED; vid++) {
    if (vid === except || (wanted.size > 0 && !wanted.has(vid))) continue;
    const open = ranges.at(-1);
    if (open?.last === vid - 1) open.last = vid;
    else ranges.push({ first: vid, last: vid });
  }
  return ranges;
}
