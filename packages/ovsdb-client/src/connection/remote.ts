/** One place at which a database server may be reached. */
export type Remote =
  | { readonly kind: 'unix'; readonly path: string; readonly text: string }
  | { readonly kind: 'tcp' | 'ssl'; readonly host: string; readonly port: number; readonly text: string };

/** A list of remotes that cannot be understood; the message names the part and what is wrong with it. */
export class RemoteSyntaxError extends Error {
  override readonly name = 'RemoteSyntaxError';
}

/** The port IANA assigned to OVSDB, which Open vSwitch takes when a remote names none. */
const DEFAULT_PORT = 6640;

/**
 * Parses Open vSwitch's remote syntax, comma-separated: `unix:PATH`, `tcp:HOST[:PORT]`, `ssl:HOST[:PORT]`; an IPv6
 * address stands in square brackets when a port follows. Throws RemoteSyntaxError; an empty list is an error too.
 */
export function parseRemotes(text: string): Remote[] {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (parts.length === 0)
    throw new RemoteSyntaxError('no OVSDB remote was given, such as unix:/run/ovn/ovnnb_db.sock');
  return parts.map(parseRemote);
}

function parseRemote(text: string): Remote {
  const colon = text.indexOf(':');
  const kind = text.slice(0, Math.max(colon, 0));
  const rest = text.slice(colon + 1);
  if (kind === 'unix') {
    if (rest === '') throw new RemoteSyntaxError(`OVSDB remote "${text}" has no socket path after "unix:"`);
    return { kind, path: rest, text };
  }
  if (kind !== 'tcp' && kind !== 'ssl') {
    const passive = /^p(unix|tcp|ssl)$/.test(kind) ? '; it is one to listen on, not one to connect to' : '';
    throw new RemoteSyntaxError(
      `OVSDB remote "${text}" is not unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT${passive}`,
    );
  }
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(rest);
  if (!match) {
    const hint = rest.includes('::') ? ' (an IPv6 address belongs in square brackets)' : '';
    throw new RemoteSyntaxError(`OVSDB remote "${text}" has no valid HOST:PORT after "${kind}:"${hint}`);
  }
  const port = match[3] === undefined ? DEFAULT_PORT : Number(match[3]);
  if (port < 1 || port > 65535)
    throw new RemoteSyntaxError(`OVSDB remote "${text}" has no valid port: ${match[3]}`);
  return { kind, host: (match[1] ?? match[2])!, port, text };
}
