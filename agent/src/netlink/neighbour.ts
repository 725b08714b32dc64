import {
  AF_INET,
  AF_INET6,
  ENODEV,
  ENOENT,
  NDA_DST,
  NDA_LLADDR,
  NLM_F_ACK,
  NLM_F_CREATE,
  NTF_USE,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
} from './constants.js';
import { formatIp, formatMac, parseIp } from './ip.js';
import { attributesOf } from './message.js';
import { NetlinkError } from './netlinkError.js';
import type { RequestSocket } from './requestSocket.js';

/** NUD state, see ip-neighbour(8). */
export type NeighbourState =
  | 'reachable'
  | 'stale'
  | 'delay'
  | 'probe'
  | 'failed'
  | 'incomplete'
  | 'permanent'
  | 'noarp';

/** An ARP or ND entry of the kernel. */
export interface Neighbour {
  /** Lower case with colons; absent while unresolved. */
  readonly mac?: string;
  readonly state: NeighbourState;
}

/** An entry that was added, changed or removed; ask `Netlink.neighbour` for what it is now. */
export interface NeighbourEvent {
  readonly ifindex: number;
  readonly ip: string;
}

const STATES: readonly (readonly [bit: number, state: NeighbourState])[] = [
  [0x02, 'reachable'],
  [0x04, 'stale'],
  [0x08, 'delay'],
  [0x10, 'probe'],
  [0x20, 'failed'],
  [0x40, 'noarp'],
  [0x80, 'permanent'],
];

/** struct ndmsg. */
function neighbourHeader(family: number, ifindex: number, flags: number): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt8(family, 0);
  header.writeInt32LE(ifindex, 4);
  header.writeUInt8(flags, 10);
  return header;
}

/** Which entry an RTM_NEWNEIGH or RTM_DELNEIGH is about; undefined for a bridge's forwarding entries. */
export function parseNeighbourEvent(payload: Buffer): NeighbourEvent | undefined {
  if (payload.length < 12) return undefined;
  const family = payload.readUInt8(0);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const ip = formatIp(attributesOf(payload, 12).get(NDA_DST));
  return ip === undefined ? undefined : { ifindex: payload.readInt32LE(4), ip };
}

/** The entry of `ip` on the device; undefined when there is none. Throws an Error for text that is no address. */
export function askNeighbour(socket: RequestSocket, ifindex: number, ip: string): Neighbour | undefined {
  const { family, bytes } = parseIp(ip);
  try {
    const header = neighbourHeader(family, ifindex, 0);
    const { payload } = socket.request(`neighbour ${ip}`, RTM_GETNEIGH, 0, header, [[NDA_DST, bytes]]);
    const bits = payload.readUInt16LE(8);
    const state = STATES.find(([bit]) => bits & bit)?.[1] ?? 'incomplete';
    // The kernel keeps the address that failed last; it is of no use to anyone.
    const resolved = state !== 'incomplete' && state !== 'failed';
    return { mac: resolved ? formatMac(attributesOf(payload, 12).get(NDA_LLADDR)) : undefined, state };
  } catch (error) {
    if (error instanceof NetlinkError && (error.errno === ENOENT || error.errno === ENODEV)) return undefined;
    throw error;
  }
}

/**
 * Tells the kernel that the entry is in use (NTF_USE), as sending a packet would. A device that is gone is no error. Not for
 * an entry that an administrator has set: it needs no confirmation, and the kernel would make an ordinary one of it.
 */
export function sendUseNeighbour(socket: RequestSocket, ifindex: number, ip: string): void {
  const state = askNeighbour(socket, ifindex, ip)?.state;
  if (state === 'permanent' || state === 'noarp') return;
  const { family, bytes } = parseIp(ip);
  try {
    const header = neighbourHeader(family, ifindex, NTF_USE);
    socket.request(`neighbour ${ip}`, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE, header, [[NDA_DST, bytes]]);
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.errno !== ENODEV) throw error;
  }
}
