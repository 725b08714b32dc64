import type { DropList, NodeDrop } from '@iovisor-ovn/proto';
import type { ListSpec } from './list-command.js';
import { orDash } from './table.js';

export const drops: ListSpec<DropList, NodeDrop> = {
  name: 'drops',
  description: 'dropped packets by reason',
  argument: 'port',
  method: (client) => client.listDrops,
  rows: (reply) => reply.drops,
  none: 'nothing was dropped',
  order: ({ node, drop }) => [node, drop?.port ?? '', drop?.reason ?? ''],
  message: 'NodeDrop',
  completes: 'port',
  columns: [
    { title: 'NODE', value: ({ node }) => node },
    { title: 'PORT', value: ({ drop }) => orDash(drop?.port ?? ''), shrink: 1 },
    { title: 'REASON', value: ({ drop }) => drop?.reason ?? '' },
    { title: 'PACKETS', value: ({ drop }) => drop?.packets ?? '', right: true },
    { title: 'DESCRIPTION', value: ({ drop }) => drop?.description ?? '', shrink: 2 },
  ],
};
