import type { Node, NodeList } from '@iovisor-ovn/proto';
import { listCommand } from './list-command.js';
import { orDash, yesNo } from './table.js';

export const nodes = listCommand<NodeList, Node>({
  name: 'nodes',
  description: 'hypervisors: those with an agent, and stock ovn-controllers beside them',
  method: (client) => client.listNodes,
  rows: (reply) => reply.nodes,
  none: 'no hypervisor is registered',
  columns: [
    { title: 'NODE', value: (node) => node.chassis },
    { title: 'HOSTNAME', value: (node) => node.hostname, shrink: 1 },
    { title: 'ENCAPSULATION', value: (node) => node.encaps, shrink: 1 },
    { title: 'CONNECTED', value: (node) => (node.kind === 'iovisor' ? yesNo(node.connected) : node.kind) },
    { title: 'ADDRESS', value: (node) => orDash(node.address), shrink: 1 },
    { title: 'PORTS', value: (node) => node.ports, right: true },
    { title: 'APPLIED', value: (node) => `${node.revisionAcked}/${node.revisionSent}`, right: true },
    { title: 'NB_CFG', value: (node) => node.nbCfg, right: true },
  ],
});
