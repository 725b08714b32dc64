import type { Node, NodeList } from '@iovisor-ovn/proto';
import type { ListSpec } from './list-command.js';
import { orDash, yesNo } from './table.js';

export const nodes: ListSpec<NodeList, Node> = {
  name: 'nodes',
  description: 'hypervisors: those with an agent, and stock ovn-controllers beside them',
  argument: 'hypervisor',
  completes: 'node',
  method: (client) => client.listNodes,
  rows: (reply) => reply.nodes,
  none: 'no hypervisor is registered',
  order: ({ chassis }) => [chassis],
  message: 'Node',
  changedBy: ['node', 'commit'],
  columns: [
    { title: 'NODE', value: (node) => node.chassis },
    { title: 'HOSTNAME', value: (node) => node.hostname, shrink: 1 },
    { title: 'ENCAPSULATION', value: (node) => node.encaps, shrink: 1 },
    {
      title: 'CONNECTED',
      value: (node) => (node.kind === 'iovisor' ? yesNo(node.connected) : node.kind),
      tone: (node) => (node.kind !== 'iovisor' ? undefined : node.connected ? 'good' : 'bad'),
    },
    { title: 'ADDRESS', value: (node) => orDash(node.address), shrink: 1 },
    { title: 'PORTS', value: (node) => node.ports, right: true },
    { title: 'APPLIED', value: (node) => `${node.revisionAcked}/${node.revisionSent}`, right: true },
    { title: 'NB_CFG', value: (node) => node.nbCfg, right: true },
  ],
};
