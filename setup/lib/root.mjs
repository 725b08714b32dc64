import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** npm workspaces in the order in which their tests make sense: what others stand on first. */
export const workspaces = [
  'packages/ovsdb-client',
  'packages/exposition',
  'packages/libbpf',
  'packages/systemd',
  'proto',
  'iomodules',
  'coordinator',
  'agent',
  'test',
];
