import type { ResourceRef } from '@iovisor-ovn/proto';
import type { Tunnel } from './compile/tunnelFacts.js';

/** Names a resource in maps of this process. */
export function refKey({ type, id }: ResourceRef): string {
  return `${type}:${id}`;
}

/** What recover() finds again in iov_tunnels. */
export function tunnelIdentity({
  encap,
  localIp,
  remoteIp,
}: Pick<Tunnel, 'encap' | 'localIp' | 'remoteIp'>): string {
  return `${encap}/${localIp}/${remoteIp}`;
}

/** A further next hop of a tunnel. @param way from 1 */
export function wayIdentity(tunnel: string, way: number): string {
  return `${tunnel}/way ${way}`;
}

/** A security element of a port. @param port its number */
export function elementIdentity(port: number, signature: string): string {
  return `${port}/${signature}`;
}
