import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** Names by which this server may be addressed. */
export interface OwnNames {
  /** Anything goes: on a unix socket there is no browser. */
  readonly any: boolean;
  /** Besides those of the loopback: as in a URL, IPv6 without brackets. */
  readonly names: readonly string[];
  /** Of the server, with TLS: its names count, too. */
  readonly certificate?: () => X509Certificate;
}

/**
 * Whether a web page may be behind a request: one that another site sent (its Origin), or one that had its own name point here
 * (the Host; DNS rebinding). Undefined: no, it may pass. Otherwise what is wrong.
 */
export function refusal(request: IncomingMessage, own: OwnNames): string | undefined {
  const { host, origin, 'sec-fetch-site': site } = request.headers;
  if (host !== undefined && !isOwn(hostOf(host), own))
    return `This server has not the name ${JSON.stringify(host)}: use localhost, its address, or a name of its certificate`;
  if (origin !== undefined && (host === undefined || !sameHost(origin, host)))
    return 'Requests of web pages of other origins are refused';
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    return 'Requests of web pages of other sites are refused';
  return undefined;
}

function isOwn(name: string | undefined, { any, names, certificate }: OwnNames): boolean {
  if (any) return true;
  if (name === undefined) return false;
  if (name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'))) return true;
  if (names.includes(name)) return true;
  const own = certificate?.();
  if (own === undefined) return false;
  return (isIP(name) === 0 ? own.checkHost(name) : own.checkIP(name)) !== undefined;
}

/** The name in a Host header, lower case; undefined when it cannot be read. */
function hostOf(header: string): string | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/@?#\s]+))(?::\d{1,5})?$/.exec(header);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

function sameHost(origin: string, host: string): boolean {
  return /^https?:\/\/(.+)$/.exec(origin)?.[1]?.toLowerCase() === host.toLowerCase();
}
