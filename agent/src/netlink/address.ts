import { AF_INET, AF_INET6, IFA_ADDRESS, IFA_LOCAL } from './constants.js';
import { formatIp } from './ip.js';
import { attributesOf } from './message.js';

/** An address of a device (ip-address(8)). */
export interface Address {
  readonly family: 4 | 6;
  /** Text form; IPv6 as in RFC 5952. */
  readonly address: string;
  readonly prefixLength: number;
}

/** Reads an RTM_NEWADDR or RTM_DELADDR payload (struct ifaddrmsg and attributes); undefined when it is no IP address. */
export function parseAddress(payload: Buffer): { ifindex: number; address: Address } | undefined {
  if (payload.length < 8) return undefined;
  const family = payload.readUInt8(0);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const attributes = attributesOf(payload, 8);
  // On a point-to-point link IFA_ADDRESS is the other end's.
  const address = formatIp(attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS));
  if (address === undefined) return undefined;
  return {
    ifindex: payload.readUInt32LE(4),
    address: { family: family === AF_INET ? 4 : 6, address, prefixLength: payload.readUInt8(1) },
  };
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.address === b.address && a.prefixLength === b.prefixLength;
}
