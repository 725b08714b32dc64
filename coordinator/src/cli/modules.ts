import type { ModuleList, NodeModule } from '@iovisor-ovn/proto';
import type { ListSpec } from './list-command.js';
import { bytes } from './table.js';

export const modules: ListSpec<ModuleList, NodeModule> = {
  name: 'modules',
  description: 'IOModules as loaded in each hypervisor’s kernel',
  argument: 'module',
  method: (client) => client.listModules,
  rows: (reply) => reply.modules,
  none: 'no IOModule is loaded',
  order: ({ node, module }) => [node, module?.name ?? ''],
  message: 'NodeModule',
  columns: [
    { title: 'NODE', value: ({ node }) => node },
    { title: 'IOMODULE', value: ({ module }) => module?.name ?? '' },
    { title: 'SLOT', value: ({ module }) => module?.slot ?? '', right: true },
    { title: 'INSTANCES', value: ({ module }) => module?.instances ?? '', right: true },
    { title: 'PROGRAM', value: ({ module }) => module?.programId ?? '', right: true },
    { title: 'TAG', value: ({ module }) => module?.tag ?? '' },
    { title: 'JITED', value: ({ module }) => bytes(module?.jitedBytes ?? 0), right: true },
    { title: 'LOADED', value: ({ module }) => module?.loadedAt ?? '', shrink: 1 },
  ],
};
