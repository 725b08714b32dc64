// `npm run build`: everything that turns a checkout into executables. Needs what setup.mjs installs.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail, step } from './lib/progress.mjs';
import { root, workspaces } from './lib/root.mjs';
import { run } from './lib/run.mjs';

const advice = 'the lines above are the compiler’s; `npm run build` runs this step alone.';
const node = (script, args, cwd = root) =>
  run([process.execPath, script, ...args], { cwd, log: 'build', advice });
const tsc = (project) => node(join(root, 'node_modules/typescript/bin/tsc'), ['-b', project]);
const generate = (room) => node('generate.mjs', [], join(root, room));

/** Each later step runs a tool that an earlier one built. */
const steps = [
  [
    'gRPC contracts',
    () => node(join(root, 'node_modules/@bufbuild/buf/bin/buf'), ['generate'], join(root, 'proto')),
  ],
  ['OVSDB client', () => tsc('packages/ovsdb-client')],
  ['libbpf binding', () => tsc('packages/libbpf')],
  ['IOModules', () => generate('iomodules')],
  ['OVSDB row types', () => Promise.all(['coordinator', 'agent'].map(generate))],
  ['TypeScript', () => tsc('.')],
];

export async function build() {
  for (const workspace of workspaces) prune(workspace);
  for (const [what, work] of steps) await step('build', () => work().then(() => what));
}

/** A test whose source is gone must not be run from dist. */
function prune(workspace, below = '') {
  const dist = join(root, workspace, 'dist', below);
  if (!existsSync(dist)) return;
  for (const entry of readdirSync(dist, { withFileTypes: true })) {
    const path = join(below, entry.name);
    if (entry.isDirectory()) prune(workspace, path);
    if (!entry.name.endsWith('.js')) continue;
    const source = path.replace(/\.js$/, '.ts');
    if (['src', '.'].some((from) => existsSync(join(root, workspace, from, source)))) continue;
    for (const suffix of ['.js', '.js.map', '.d.ts', '.d.ts.map'])
      rmSync(join(root, workspace, 'dist', path.replace(/\.js$/, suffix)), { force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build().catch(fail);
