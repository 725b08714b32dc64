import {
  RTA_DST,
  RTA_GATEWAY,
  RTA_MARK,
  RTA_METRICS,
  RTA_MULTIPATH,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_SRC,
  RTA_VIA,
  RTAX_MTU,
  RTM_F_FIB_MATCH,
  RTM_GETROUTE,
  RTN_BLACKHOLE,
  RTN_PROHIBIT,
  RTNH_F_DEAD,
} from './constants.js';
import { formatIp, parseIp } from './ip.js';
import { type AttributeToSend, attributesOf, readU32, u32 } from './message.js';
import { NetlinkError } from './netlinkError.js';
import type { RequestSocket } from './requestSocket.js';

/** Which way a packet takes: the kernel's own answer, policy rules included. */
export interface Route {
  readonly ifindex: number;
  /** Next hop; absent when the destination is on the link. */
  readonly gateway?: string;
  /** Source address the kernel would choose. */
  readonly source?: string;
  /** MTU of the route or path when one is known (RTAX_MTU), not that of the device. */
  readonly mtu?: number;
  /** Share of the flows that go this way, where the route has several next hops; otherwise 1. */
  readonly weight: number;
}

export interface RouteOptions {
  /** Source address of the packet. */
  readonly source?: string;
  /** Firewall mark of the packet, for policy routing. */
  readonly mark?: number;
}

/**
 * All ways that packets of different flows may take: one, or the next hops of a multipath route that are alive. None when the
 * kernel has no way there. Throws an Error for text that is no address.
 */
export function askRoutes(socket: RequestSocket, destination: string, options: RouteOptions = {}): Route[] {
  const one = askRoute(socket, destination, options);
  if (one === undefined) return [];
  const payload = ask(socket, destination, options, RTM_F_FIB_MATCH);
  const multipath = payload && attributesOf(payload, RTMSG).get(RTA_MULTIPATH);
  const several = multipath === undefined ? [] : [...nextHops(multipath)];
  return several.length < 2 ? [one] : several.map((hop) => ({ ...hop, source: one.source, mtu: one.mtu }));
}

/** Asks RTM_GETROUTE; undefined when the kernel has no way there. Throws an Error for text that is no address. */
export function askRoute(
  socket: RequestSocket,
  destination: string,
  options: RouteOptions = {},
): Route | undefined {
  const payload = ask(socket, destination, options, 0);
  return payload && parseRoute(payload);
}

const RTMSG = 12;

/** The payload of the answer; undefined when there is no way. */
function ask(
  socket: RequestSocket,
  destination: string,
  options: RouteOptions,
  flags: number,
): Buffer | undefined {
  const { family, bytes } = parseIp(destination);
  const attributes: AttributeToSend[] = [[RTA_DST, bytes]];
  const header = Buffer.alloc(RTMSG); // struct rtmsg
  header.writeUInt32LE(flags, 8);
  header.writeUInt8(family, 0);
  header.writeUInt8(bytes.length * 8, 1);
  if (options.source !== undefined) {
    const source = parseIp(options.source);
    if (source.family !== family)
      throw new Error(`route from ${options.source} to ${destination}: not the same IP version`);
    header.writeUInt8(source.bytes.length * 8, 2);
    attributes.push([RTA_SRC, source.bytes]);
  }
  if (options.mark !== undefined) attributes.push([RTA_MARK, u32(options.mark)]);
  try {
    const { payload } = socket.request(`route to ${destination}`, RTM_GETROUTE, 0, header, attributes);
    const type = payload.readUInt8(7);
    return type >= RTN_BLACKHOLE && type <= RTN_PROHIBIT ? undefined : payload;
  } catch (error) {
    // ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL: no route, an unreachable, prohibit or blackhole route, a foreign source.
    if (error instanceof NetlinkError) return undefined;
    throw error;
  }
}

function parseRoute(payload: Buffer): Route | undefined {
  const attributes = attributesOf(payload, RTMSG);
  const ifindex = readU32(attributes.get(RTA_OIF));
  if (ifindex === undefined) return undefined;
  const metrics = attributes.get(RTA_METRICS);
  return {
    ifindex,
    gateway: gatewayOf(attributes),
    source: formatIp(attributes.get(RTA_PREFSRC)),
    mtu: metrics && readU32(attributesOf(metrics).get(RTAX_MTU)),
    weight: 1,
  };
}

/** RTA_VIA: a next hop of the other IP version (RFC 5549), after two bytes of family. */
function gatewayOf(attributes: ReadonlyMap<number, Buffer>): string | undefined {
  return formatIp(attributes.get(RTA_GATEWAY)) ?? formatIp(attributes.get(RTA_VIA)?.subarray(2));
}

/** A row of struct rtnexthop, each with its attributes; those that are alive. */
function* nextHops(rows: Buffer): Generator<Pick<Route, 'ifindex' | 'gateway' | 'weight'>> {
  for (let at = 0; at + 8 <= rows.length; ) {
    const length = rows.readUInt16LE(at);
    if (length < 8 || at + length > rows.length) return;
    const gateway = gatewayOf(attributesOf(rows.subarray(at, at + length), 8));
    const flags = rows.readUInt8(at + 2);
    if ((flags & RTNH_F_DEAD) === 0)
      yield { ifindex: rows.readInt32LE(at + 4), gateway, weight: rows.readUInt8(at + 3) + 1 };
    at += (length + 3) & ~3;
  }
}
