import type { DropList, NodeDrop } from '@iovisor-ovn/proto';
import { listCommand } from './list-command.js';
import { orDash } from './table.js';

export const drops = listCommand<DropList, NodeDrop>({
  name: 'drops',
  description: 'dropped packets by reason',
  argument: 'port',
  method: (client) => client.listDrops,
  rows: (reply) => reply.drops,
  none: 'nothing was dropped',
  columns: [
    { title: 'NODE', value: ({ node }) => node },
    { title: 'PORT', value: ({ drop }) => orDash(drop?.port ?? ''), shrink: 1 },
    { title: 'REASON', value: ({ drop }) => drop?.reason ?? '' },
    { title: 'PACKETS', value: ({ drop }) => drop?.packets ?? '', right: true },
    { title: 'DESCRIPTION', value: ({ drop }) => drop?.description ?? '', shrink: 2 },
  ],
});
