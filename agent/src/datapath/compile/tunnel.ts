import {
  iov_tunnel_flag as flag,
  iov_tunnel_source6Codec,
  iov_tunnel_sourceCodec,
  iov_tunnelCodec,
} from '../abi.js';
import { type Entry, u32 } from '../entry.js';
import { isResolved, type Tunnel, type TunnelPath, usableWays } from './tunnelFacts.js';
import { fixedSum, headerLength, tunnelHeader } from './tunnelHeader.js';
import { ipBytes, isIp6, rowAddress } from './underlay.js';

/** The outer source port has 14 bits of the flow's hash (struct iov_tunnel.share). */
const FLOWS = 0x4000;

/**
 * @param numbers of the tunnel, and of each usable way but the first
 * @param path undefined: no route. The program then drops with a reason; it never sends to a guess.
 */
export function compileTunnel(
  numbers: readonly [number, ...number[]],
  tunnel: Tunnel,
  path: TunnelPath | undefined,
): Entry[] {
  const [number] = numbers;
  const ways = path === undefined ? [undefined] : usableWays(path);
  const shares = sharesOf(ways.map((way) => way?.weight ?? 1));
  const rows = ways.map((way, index): Entry => {
    const other = shares[index] === 0 ? 0 : (numbers[index + 1] ?? 0);
    const value = iov_tunnelCodec.encode({
      flags:
        (way === undefined ? 0 : flag.IOV_TUNNEL_VALID) |
        (way !== undefined && isResolved(way) ? flag.IOV_TUNNEL_RESOLVED : 0) |
        (tunnel.encap === 'geneve' ? flag.IOV_TUNNEL_GENEVE : 0) |
        (isIp6(tunnel.remoteIp) ? flag.IOV_TUNNEL_IP6 : 0) |
        (tunnel.csum ? flag.IOV_TUNNEL_CSUM : 0) |
        (tunnel.tos === 'inherit' ? flag.IOV_TUNNEL_TOS_INHERIT : 0) |
        (tunnel.df || isIp6(tunnel.remoteIp) ? 0 : flag.IOV_TUNNEL_FRAGMENTS) |
        (tunnel.either ? flag.IOV_TUNNEL_EITHER : 0) |
        (index > 0 ? flag.IOV_TUNNEL_WAY : 0),
      ifindex: way?.ifindex ?? 0,
      mtu: path?.mtu ?? 0,
      fixed_sum: fixedSum(tunnel),
      share: other === 0 ? 0 : shares[index]!,
      other,
      local_ip: rowAddress(tunnel.localIp),
      remote_ip: rowAddress(tunnel.remoteIp),
      header_length: headerLength(tunnel),
      header: tunnelHeader(tunnel, way),
    });
    return { map: 'iov_tunnels', key: u32(numbers[index]!), value };
  });
  // The other ways first: whoever is sent on must find them.
  return [...rows.reverse(), ...tunnel.localIps.map((local) => source(tunnel.remoteIp, local, number))];
}

/** Where the flows of each way end; 0 for the last. */
function sharesOf(weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  return weights.map((weight, index) => {
    sum += weight;
    return index === weights.length - 1 ? 0 : Math.max(1, Math.round((FLOWS * sum) / total));
  });
}

function source(remote: string, local: string, number: number): Entry {
  const value = u32(number);
  if (isIp6(remote)) {
    const key = iov_tunnel_source6Codec.encode({ remote_ip: ipBytes(remote), local_ip: ipBytes(local) });
    return { map: 'iov_tunnel_sources6', key, value };
  }
  const [remote_ip, local_ip] = [ipBytes(remote).readUInt32BE(0), ipBytes(local).readUInt32BE(0)];
  return { map: 'iov_tunnel_sources', key: iov_tunnel_sourceCodec.encode({ remote_ip, local_ip }), value };
}

/** Our own tunnel addresses: what arrives for them is ours or dropped, never the host's. */
export function compileLocals(localIps: readonly string[]): Entry[] {
  return localIps.map(
    (ip): Entry => ({
      map: isIp6(ip) ? 'iov_tunnel_locals6' : 'iov_tunnel_locals',
      key: ipBytes(ip),
      value: Buffer.from([1]),
    }),
  );
}
