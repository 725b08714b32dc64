import { isIP } from 'node:net';

/** Where a gRPC server is: `HOST:PORT` or `unix:PATH`. */
export type Address = { kind: 'tcp'; host: string; port: number } | { kind: 'unix'; path: string };

/** @throws Error saying what is wrong with it */
export function parseAddress(text: string): Address {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (path === '') throw new Error(`"${text}" names no path`);
    return { kind: 'unix', path };
  }
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d+)$/.exec(text);
  if (match === null) throw new Error(`"${text}" is neither HOST:PORT nor unix:PATH`);
  const host = (match[1] ?? match[2])!;
  const port = Number(match[3]);
  if (match[1] !== undefined && isIP(host) !== 6) throw new Error(`"${text}": ${host} is no IPv6 address`);
  if (port > 65535) throw new Error(`"${text}": ${port} is no port number`);
  return { kind: 'tcp', host, port };
}

/** Comma-separated, at least one. @throws Error */
export function parseAddresses(text: string): Address[] {
  return text.split(',').map((part) => parseAddress(part.trim()));
}

/** What grpc-js takes as a target. */
export function grpcTarget(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const { host, port } = address;
  if (isIP(host) === 4) return `ipv4:${host}:${port}`;
  return isIP(host) === 6 ? `ipv6:[${host}]:${port}` : `dns:${host}:${port}`;
}

export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return isIP(address.host) === 6 ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Whether what is sent there stays on this machine. */
export function isLocal(address: Address): boolean {
  if (address.kind === 'unix') return true;
  const { host } = address;
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
