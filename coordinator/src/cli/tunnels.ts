import type { NodeTunnel, TunnelList, TunnelReport } from '@iovisor-ovn/proto';
import type { ListSpec } from './list-command.js';
import { bytes, orDash, yesNo } from './table.js';

export const tunnels: ListSpec<TunnelList, NodeTunnel> = {
  name: 'tunnels',
  description: 'tunnels between hypervisors',
  argument: 'chassis',
  method: (client) => client.listTunnels,
  rows: (reply) => reply.tunnels,
  none: 'no tunnel',
  order: ({ node, tunnel }) => [node, tunnel?.chassis ?? '', tunnel?.remoteIp ?? ''],
  message: 'NodeTunnel',
  completes: 'node',
  columns: [
    { title: 'NODE', value: ({ node }) => node },
    { title: 'TO', value: ({ tunnel }) => tunnel?.chassis ?? '' },
    { title: 'ENCAPSULATION', value: ({ tunnel }) => tunnel?.encap ?? '' },
    { title: 'LOCAL', value: ({ tunnel }) => tunnel?.localIp ?? '' },
    { title: 'REMOTE', value: ({ tunnel }) => tunnel?.remoteIp ?? '' },
    {
      title: 'STATE',
      value: ({ tunnel }) => tunnel?.state || (tunnel?.resolved ? 'resolved' : 'not resolved'),
    },
    { title: 'NEXT HOPS', value: ({ tunnel }) => orDash(nextHops(tunnel)), shrink: 1 },
    { title: 'MTU', value: ({ tunnel }) => tunnel?.mtu || '-', right: true },
    { title: 'CSUM', value: ({ tunnel }) => yesNo(tunnel?.csum ?? false) },
    { title: 'TX', value: ({ tunnel }) => tunnel?.txPackets ?? '', right: true },
    { title: 'TX BYTES', value: ({ tunnel }) => bytes(tunnel?.txBytes ?? 0), right: true },
    { title: 'TX DROPS', value: ({ tunnel }) => tunnel?.txDrops ?? '', right: true },
    { title: 'RX', value: ({ tunnel }) => tunnel?.rxPackets ?? '', right: true },
    { title: 'RX BYTES', value: ({ tunnel }) => bytes(tunnel?.rxBytes ?? 0), right: true },
    { title: 'RX DROPS', value: ({ tunnel }) => tunnel?.rxDrops ?? '', right: true },
    { title: 'LAST SEEN', value: ({ tunnel }) => lastSeen(tunnel?.lastSeen ?? '', Date.now()) },
  ],
};

function nextHops(tunnel: TunnelReport | undefined): string {
  const ways = tunnel?.ways ?? [];
  return ways.map(({ device, gateway }) => (gateway ? `${gateway} ${device}` : device)).join(', ');
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** @param time RFC 3339; empty: never. @param now ms since 1970 */
export function lastSeen(time: string, now: number): string {
  if (time === '') return 'never';
  // The clocks of two machines differ.
  const seconds = Math.max(0, Math.floor((now - Date.parse(time)) / 1000));
  if (Number.isNaN(seconds)) return time;
  if (seconds < MINUTE) return `${seconds} s ago`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min ago`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h ago`;
  return `${Math.floor(seconds / DAY)} d ago`;
}
