import {
  IFF_LOWER_UP,
  IFF_PROMISC,
  IFF_TAP,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_BR_VLAN_FILTERING,
  IFLA_CARRIER,
  IFLA_GROUP,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINK,
  IFLA_LINK_NETNSID,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_TUN_PERSIST,
  IFLA_TUN_TYPE,
} from './constants.js';
import { formatMac } from './ip.js';
import { attributesOf, readString, readU32 } from './message.js';

/** A network device of this network namespace, as rtnetlink(7) describes it. */
export interface Link {
  readonly ifindex: number;
  readonly name: string;
  /** IFLA_INFO_KIND: `veth`, `tun`, `vxlan`, …; absent for physical devices. */
  readonly kind?: string;
  /** Hardware address, lower case with colons; absent for devices without one. */
  readonly mac?: string;
  /** Octets of the largest packet without link-layer header. */
  readonly mtu: number;
  /** IFF_UP: administratively up. */
  readonly up: boolean;
  /** IFF_PROMISC: somebody has set it to take frames for whatever address; what a bridge or a capture does by itself does not count. */
  readonly promiscuous?: boolean;
  /** IFF_LOWER_UP: there is a carrier. */
  readonly lowerUp: boolean;
  /** IFLA_LINK: a veth's peer, a vlan's lower device; counted in the other namespace when `peerInOtherNetns`. */
  readonly peerIfindex?: number;
  /** IFLA_LINK_NETNSID is present: `peerIfindex` belongs to another network namespace. */
  readonly peerInOtherNetns: boolean;
  /** Number of that namespace in this one (ip-netns(8), nsid), where the kernel gave it one. */
  readonly peerNsid?: number;
  /** Ifindex of the bridge, bond or VRF that the device is enslaved to. */
  readonly master?: number;
  /** For a bridge: it keeps VLANs apart (ip-link(8), vlan_filtering). */
  readonly vlanFiltering?: boolean;
  /** For a tun or tap: it is a tap that stays although no process has it open, and none has. */
  readonly abandonedTap?: boolean;
  /** Number of the group that the device is in (ip-link(8), group). */
  readonly group: number;
  /** IFLA_IFALIAS: free text. */
  readonly alias?: string;
}

/** What happened to a device. A device that comes back under its old name has a new ifindex and is `new`. */
export interface LinkEvent {
  readonly kind: 'new' | 'changed' | 'removed';
  /** The device now; for `removed` as it was last. */
  readonly link: Link;
  /** The device before, for `changed`. */
  readonly old?: Link;
}

/**
 * Reads an RTM_NEWLINK or RTM_DELLINK payload (struct ifinfomsg and attributes). Undefined when it does not describe the
 * device: bridges and wireless drivers announce other things by the same message, under another family or without an MTU.
 */
export function parseLink(payload: Buffer): Link | undefined {
  if (payload.length < 16 || payload.readUInt8(0) !== 0) return undefined;
  const flags = payload.readUInt32LE(8);
  const attributes = attributesOf(payload, 16);
  const name = readString(attributes.get(IFLA_IFNAME));
  const mtu = readU32(attributes.get(IFLA_MTU));
  if (name === undefined || mtu === undefined) return undefined;
  const linkInfo = attributes.get(IFLA_LINKINFO);
  const info = linkInfo && attributesOf(linkInfo);
  const kind = readString(info?.get(IFLA_INFO_KIND));
  const data = info?.get(IFLA_INFO_DATA);
  return {
    ifindex: payload.readInt32LE(4),
    name,
    kind,
    mac: formatMac(attributes.get(IFLA_ADDRESS)),
    mtu,
    up: (flags & IFF_UP) !== 0,
    promiscuous: (flags & IFF_PROMISC) !== 0,
    lowerUp: (flags & IFF_LOWER_UP) !== 0,
    peerIfindex: readU32(attributes.get(IFLA_LINK)) || undefined,
    peerInOtherNetns: attributes.has(IFLA_LINK_NETNSID),
    peerNsid: readNsid(attributes.get(IFLA_LINK_NETNSID)),
    master: readU32(attributes.get(IFLA_MASTER)) || undefined,
    vlanFiltering: kind === 'bridge' ? filtersVlans(data) : undefined,
    abandonedTap: kind === 'tun' ? isAbandonedTap(data, attributes.get(IFLA_CARRIER)) : undefined,
    group: readU32(attributes.get(IFLA_GROUP)) ?? 0,
    alias: readString(attributes.get(IFLA_IFALIAS)) || undefined,
  };
}

function filtersVlans(data: Buffer | undefined): boolean {
  return data !== undefined && attributesOf(data).get(IFLA_BR_VLAN_FILTERING)?.[0] === 1;
}

/** A process that opens a tap is its carrier. */
function isAbandonedTap(data: Buffer | undefined, carrier: Buffer | undefined): boolean {
  if (data === undefined || carrier?.[0] !== 0) return false;
  const tun = attributesOf(data);
  return tun.get(IFLA_TUN_TYPE)?.[0] === IFF_TAP && tun.get(IFLA_TUN_PERSIST)?.[0] === 1;
}

/** NETNSA_NSID_NOT_ASSIGNED is -1. */
function readNsid(value: Buffer | undefined): number | undefined {
  const nsid = value !== undefined && value.length >= 4 ? value.readInt32LE(0) : -1;
  return nsid < 0 ? undefined : nsid;
}

/** Whether two descriptions of one device say the same. */
export function sameLink(a: Link, b: Link): boolean {
  return (Object.keys(a) as (keyof Link)[]).every((key) => a[key] === b[key]);
}

/** struct ifinfomsg. */
export function linkHeader(ifindex: number, flags = 0, change = 0): Buffer {
  const header = Buffer.alloc(16);
  header.writeInt32LE(ifindex, 4);
  header.writeUInt32LE(flags, 8);
  header.writeUInt32LE(change, 12);
  return header;
}
