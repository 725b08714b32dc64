import {
  AF_BRIDGE,
  BRIDGE_VLAN_INFO_PVID,
  BRIDGE_VLAN_INFO_UNTAGGED,
  BRIDGE_VLANDB_ENTRY,
  BRIDGE_VLANDB_ENTRY_INFO,
  BRIDGE_VLANDB_ENTRY_RANGE,
  NLM_F_ACK,
  RTM_DELVLAN,
  RTM_GETVLAN,
  RTM_NEWVLAN,
} from './constants.js';
import { type AttributeToSend, attributesOf, nest } from './message.js';
import type { RequestSocket } from './requestSocket.js';

/** VLANs from `first` to `last` that a port of a bridge, or the bridge itself, takes part in (bridge-vlan(8)). */
export interface BridgeVlan {
  /** 1..4094. */
  readonly first: number;
  readonly last: number;
  /** Frames without a tag come in as this VLAN; one VLAN only. */
  readonly pvid: boolean;
  /** Frames leave without a tag. */
  readonly untagged: boolean;
}

/** The VLANs of ports of bridges that filter by VLAN. */
export class BridgeVlans {
  readonly #requests: RequestSocket;

  constructor(requests: RequestSocket) {
    this.#requests = requests;
  }

  /** Makes these the VLANs of the device, without touching what is right already; throws NetlinkError. */
  set(ifindex: number, wanted: readonly BridgeVlan[]): void {
    const had = expand(this.get(ifindex));
    const has = expand(wanted);
    // What leaves first: of two VLANs only one can be that of frames without a tag.
    const gone = [...had].filter(([vid]) => !has.has(vid));
    for (const range of ranges(gone)) this.#change(RTM_DELVLAN, ifindex, range);
    const come = [...has].filter(([vid, flags]) => had.get(vid) !== flags);
    for (const range of ranges(come)) this.#change(RTM_NEWVLAN, ifindex, range);
  }

  /** The VLANs that the device has; throws NetlinkError. */
  get(ifindex: number): BridgeVlan[] {
    const found: BridgeVlan[] = [];
    this.#requests.dumpNow(
      `VLANs of device ${ifindex}`,
      RTM_GETVLAN,
      header(ifindex),
      ({ type, payload }) => {
        if (type !== RTM_NEWVLAN || payload.length < 8 || payload.readUInt32LE(4) !== ifindex) return;
        // A message has many entries.
        for (const entry of attributesOfType(payload, 8, BRIDGE_VLANDB_ENTRY)) {
          const attributes = attributesOf(entry);
          const info = attributes.get(BRIDGE_VLANDB_ENTRY_INFO);
          if (info === undefined || info.length < 4) continue;
          const [flags, first] = [info.readUInt16LE(0), info.readUInt16LE(2)];
          const last = attributes.get(BRIDGE_VLANDB_ENTRY_RANGE)?.readUInt16LE(0) ?? first;
          found.push({
            first,
            last,
            pvid: (flags & BRIDGE_VLAN_INFO_PVID) !== 0,
            untagged: (flags & BRIDGE_VLAN_INFO_UNTAGGED) !== 0,
          });
        }
      },
    );
    return found;
  }

  #change(type: number, ifindex: number, { first, last, pvid, untagged }: BridgeVlan): void {
    const what = `VLANs ${first} to ${last} of device ${ifindex}`;
    const info = Buffer.alloc(4); // struct bridge_vlan_info
    info.writeUInt16LE((pvid ? BRIDGE_VLAN_INFO_PVID : 0) | (untagged ? BRIDGE_VLAN_INFO_UNTAGGED : 0), 0);
    info.writeUInt16LE(first, 2);
    const end = Buffer.alloc(2);
    end.writeUInt16LE(last);
    const entry: AttributeToSend[] = [[BRIDGE_VLANDB_ENTRY_INFO, info]];
    if (last !== first) entry.push([BRIDGE_VLANDB_ENTRY_RANGE, end]);
    this.#requests.request(what, type, NLM_F_ACK, header(ifindex), [
      [BRIDGE_VLANDB_ENTRY | NLA_F_NESTED, nest(entry)],
    ]);
  }
}

/** The kernel insists on it here. */
const NLA_F_NESTED = 0x8000;

/** struct br_vlan_msg. */
function header(ifindex: number): Buffer {
  const message = Buffer.alloc(8);
  message.writeUInt8(AF_BRIDGE, 0);
  message.writeUInt32LE(ifindex, 4);
  return message;
}

function* attributesOfType(buffer: Buffer, offset: number, type: number): Generator<Buffer> {
  for (let at = offset; at + 4 <= buffer.length; ) {
    const length = buffer.readUInt16LE(at);
    if (length < 4 || at + length > buffer.length) return;
    if ((buffer.readUInt16LE(at + 2) & 0x3fff) === type) yield buffer.subarray(at + 4, at + length);
    at += (length + 3) & ~3;
  }
}

/** VLAN → flags, comparable. */
function expand(vlans: readonly BridgeVlan[]): Map<number, string> {
  const all = new Map<number, string>();
  for (const { first, last, pvid, untagged } of vlans)
    for (let vid = first; vid <= last; vid++) all.set(vid, `${pvid ? 'p' : ''}${untagged ? 'u' : ''}`);
  return all;
}

function* ranges(vlans: Iterable<readonly [vid: number, flags: string]>): Generator<BridgeVlan> {
  let open: { first: number; last: number; flags: string } | undefined;
  const close = ({ first, last, flags }: { first: number; last: number; flags: string }) => ({
    first,
    last,
    pvid: flags.includes('p'),
    untagged: flags.includes('u'),
  });
  for (const [vid, flags] of [...vlans].sort(([a], [b]) => a - b)) {
    // A range cannot have a VLAN for frames without a tag.
    const joins = open !== undefined && vid === open.last + 1 && flags === open.flags && !flags.includes('p');
    if (open !== undefined && joins) open.last = vid;
    else {
      if (open !== undefined) yield close(open);
      open = { first: vid, last: vid, flags };
    }
  }
  if (open !== undefined) yield close(open);
}
