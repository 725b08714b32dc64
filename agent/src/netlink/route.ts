import {
  RTA_DST,
  RTA_GATEWAY,
  RTA_MARK,
  RTA_METRICS,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_SRC,
  RTA_VIA,
  RTAX_MTU,
  RTM_GETROUTE,
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
}

export interface RouteOptions {
  /** Source address of the packet. */
  readonly source?: string;
  /** Firewall mark of the packet, for policy routing. */
  readonly mark?: number;
}

/** Asks RTM_GETROUTE; undefined when the kernel has no way there. Throws an Error for text that is no address. */
export function askRoute(
  socket: RequestSocket,
  destination: string,
  options: RouteOptions = {},
): Route | undefined {
  const { family, bytes } = parseIp(destination);
  const attributes: AttributeToSend[] = [[RTA_DST, bytes]];
  const header = Buffer.alloc(12); // struct rtmsg
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
    return parseRoute(socket.request(`route to ${destination}`, RTM_GETROUTE, 0, header, attributes).payload);
  } catch (error) {
    // ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL: no route, an unreachable, prohibit or blackhole route, a foreign source.
    if (error instanceof NetlinkError) return undefined;
    throw error;
  }
}

function parseRoute(payload: Buffer): Route | undefined {
  const attributes = attributesOf(payload, 12);
  const ifindex = readU32(attributes.get(RTA_OIF));
  if (ifindex === undefined) return undefined;
  const metrics = attributes.get(RTA_METRICS);
  return {
    ifindex,
    // RTA_VIA: a next hop of the other IP version (RFC 5549), after two bytes of family.
    gateway: formatIp(attributes.get(RTA_GATEWAY)) ?? formatIp(attributes.get(RTA_VIA)?.subarray(2)),
    source: formatIp(attributes.get(RTA_PREFSRC)),
    mtu: metrics && readU32(attributesOf(metrics).get(RTAX_MTU)),
  };
}
