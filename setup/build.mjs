// `npm run build`: everything that turns a checkout into executables. Needs what setup.mjs installs.
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const node = (script, args, cwd = root) =>
  execFileSync(process.execPath, [script, ...args], { cwd, stdio: 'inherit' });
const tsc = (project) => node(join(root, 'node_modules/typescript/bin/tsc'), ['-b', project]);

// gRPC contracts → TypeScript
node(join(root, 'node_modules/@bufbuild/buf/bin/buf'), ['generate'], join(root, 'proto'));
// Each later step runs a tool that an earlier one built.
tsc('packages/ovsdb-client');
tsc('packages/libbpf');
for (const room of ['iomodules', 'coordinator', 'agent']) node('generate.mjs', [], join(root, room));
tsc('.');
