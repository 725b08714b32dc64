import type { Switch, SwitchList } from '@iovisor-ovn/proto';
import type { ListSpec } from './list-command.js';
import { orDash } from './table.js';

export const switches: ListSpec<SwitchList, Switch> = {
  name: 'switches',
  description: 'logical switches and where they are',
  argument: 'switch',
  method: (client) => client.listSwitches,
  rows: (reply) => reply.switches,
  none: 'no logical switch',
  order: ({ name, uuid }) => [name, uuid],
  message: 'Switch',
  changedBy: ['port'],
  completes: 'switch',
  columns: [
    { title: 'SWITCH', value: (one) => one.name, shrink: 1 },
    { title: 'VNI', value: (one) => one.tunnelKey, right: true },
    { title: 'PORTS', value: (one) => one.ports, right: true },
    { title: 'UP', value: (one) => one.portsUp, right: true },
    { title: 'NODES', value: (one) => orDash(one.nodes.join(' ')), shrink: 1 },
  ],
};
