import { isIP } from 'node:net';
import { UsageError } from './settings.js';

/** Where to listen or connect: HOST:PORT or unix:PATH. */
export type Address = { host: string; port: number } | { path: string };

/** Parses HOST:PORT, [V6]:PORT or unix:PATH. Throws UsageError naming `setting`. */
export function parseAddress(setting: string, text: string): Address {
  if (text.startsWith('unix:')) {
    const path = text.slice(5);
    if (path === '') throw new UsageError(`${setting}: "${text}" names no path`);
    return { path };
  }
  const match = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65535 || (match?.[1] !== undefined && isIP(match[1]) !== 6))
    throw new UsageError(`${setting}: "${text}" is neither HOST:PORT nor unix:PATH`);
  return { host, port };
}

/** True when only this machine can reach it. */
export function isLocal(address: Address): boolean {
  if ('path' in address) return true;
  return address.host === 'localhost' || address.host === '::1' || /^127(\.\d+){3}$/.test(address.host);
}

/** As gRPC writes it. */
export function addressText(address: Address): string {
  if ('path' in address) return `unix:${address.path}`;
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}
