import type { Port, PortList } from '@iovisor-ovn/proto';
import type { ListSpec } from './list-command.js';
import { orDash } from './table.js';

export const ports: ListSpec<PortList, Port> = {
  name: 'ports',
  description: 'logical ports: name → switch → tap → hypervisor → IOModule instances',
  argument: 'port',
  method: (client) => client.listPorts,
  rows: (reply) => reply.ports,
  none: 'no logical switch port',
  order: ({ switchName, name }) => [switchName, name],
  message: 'Port',
  changedBy: ['port', 'node'],
  completes: 'port',
  columns: [
    { title: 'PORT', value: (port) => port.name, shrink: 2 },
    { title: 'SWITCH', value: (port) => port.switchName, shrink: 1 },
    { title: 'TAP', value: (port) => orDash(port.local?.tap ?? '') },
    { title: 'NODE', value: (port) => orDash(port.node) },
    { title: 'IOMODULES', value: (port) => orDash(port.local?.instances.join(' → ') ?? ''), shrink: 1 },
    {
      title: 'UP',
      value: (port) => (port.up ? 'up' : 'down'),
      tone: (port) => (port.up ? 'good' : undefined),
    },
    { title: 'STATE', value: (port) => state(port), shrink: 1 },
    { title: 'RX', value: (port) => port.local?.rxPackets ?? '-', right: true },
    { title: 'TX', value: (port) => port.local?.txPackets ?? '-', right: true },
    { title: 'DROPS', value: (port) => port.local?.drops ?? '-', right: true },
  ],
};

function state(port: Port): string {
  if (port.local) return port.local.state;
  if (port.type !== '') return `type ${port.type}`;
  return port.node === '' ? 'not plugged' : 'no report';
}
