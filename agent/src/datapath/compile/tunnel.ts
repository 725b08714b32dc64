import { iov_tunnel_flag as flag, iov_tunnel_sourceCodec, iov_tunnelCodec } from '../abi.js';
import { type Entry, u32 } from '../entry.js';
import { headerLength, tunnelHeader } from './tunnelHeader.js';

/** Encapsulations the IOModules speak. */
export type EncapType = 'vxlan' | 'geneve';

/** How a packet gets to another chassis, as the kernel's routing says now. */
export interface TunnelPath {
  ifindex: number;
  /** Of the device or route: largest outer IP packet, bytes. */
  mtu: number;
  /** Of our device. */
  sourceMac?: Buffer;
  /** Of the next hop; undefined until the kernel has resolved it. */
  nextHopMac?: Buffer;
}

/** A way to another chassis. Addresses are IPv4 as numbers. */
export interface Tunnel {
  encap: EncapType;
  localIp: number;
  remoteIp: number;
  /** All addresses of that chassis: whatever it sends from, it is this tunnel's. */
  remoteIps: readonly number[];
  /** All our tunnel addresses. */
  localIps: readonly number[];
}

/** Undefined path: no route. The program then drops with a reason; it never sends to a guess. */
export function compileTunnel(number: number, tunnel: Tunnel, path: TunnelPath | undefined): Entry[] {
  const resolved = path?.sourceMac !== undefined && path.nextHopMac !== undefined;
  const value = iov_tunnelCodec.encode({
    flags:
      (path === undefined ? 0 : flag.IOV_TUNNEL_VALID) |
      (resolved ? flag.IOV_TUNNEL_RESOLVED : 0) |
      (tunnel.encap === 'geneve' ? flag.IOV_TUNNEL_GENEVE : 0),
    ifindex: path?.ifindex ?? 0,
    mtu: path?.mtu ?? 0,
    local_ip: tunnel.localIp,
    remote_ip: tunnel.remoteIp,
    header_length: headerLength(tunnel.encap),
    header: tunnelHeader(tunnel, path),
  });
  const entries: Entry[] = [{ map: 'iov_tunnels', key: u32(number), value }];
  for (const remote_ip of tunnel.remoteIps) {
    for (const local_ip of tunnel.localIps) {
      const key = iov_tunnel_sourceCodec.encode({ remote_ip, local_ip });
      entries.push({ map: 'iov_tunnel_sources', key, value: u32(number) });
    }
  }
  return entries;
}

/** Our own tunnel addresses: what arrives for them is ours or dropped, never the host's. */
export function compileLocals(localIps: readonly number[]): Entry[] {
  return localIps.map((ip): Entry => {
    const key = Buffer.alloc(4);
    key.writeUInt32BE(ip);
    return { map: 'iov_tunnel_locals', key, value: Buffer.from([1]) };
  });
}
