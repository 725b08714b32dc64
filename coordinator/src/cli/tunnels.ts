import type { NodeTunnel, TunnelList } from '@iovisor-ovn/proto';
import { listCommand } from './list-command.js';
import { bytes, yesNo } from './table.js';

export const tunnels = listCommand<TunnelList, NodeTunnel>({
  name: 'tunnels',
  description: 'tunnels between hypervisors',
  argument: 'chassis',
  method: (client) => client.listTunnels,
  rows: (reply) => reply.tunnels,
  none: 'no tunnel',
  columns: [
    { title: 'NODE', value: ({ node }) => node },
    { title: 'TO', value: ({ tunnel }) => tunnel?.chassis ?? '' },
    { title: 'ENCAPSULATION', value: ({ tunnel }) => tunnel?.encap ?? '' },
    { title: 'LOCAL', value: ({ tunnel }) => tunnel?.localIp ?? '' },
    { title: 'REMOTE', value: ({ tunnel }) => tunnel?.remoteIp ?? '' },
    { title: 'RESOLVED', value: ({ tunnel }) => yesNo(tunnel?.resolved ?? false) },
    { title: 'TX', value: ({ tunnel }) => tunnel?.txPackets ?? '', right: true },
    { title: 'TX BYTES', value: ({ tunnel }) => bytes(tunnel?.txBytes ?? 0), right: true },
    { title: 'RX', value: ({ tunnel }) => tunnel?.rxPackets ?? '', right: true },
    { title: 'RX BYTES', value: ({ tunnel }) => bytes(tunnel?.rxBytes ?? 0), right: true },
  ],
});
