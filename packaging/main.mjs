// `npm run package`: Debian packages of what is built, in out/. Needs what the build needs, and dpkg-deb.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { fail, SetupError, step } from '../setup/lib/progress.mjs';
import { root } from '../setup/lib/root.mjs';
import { buildDeb, debianArchitecture, digest } from './lib/deb.mjs';
import { thirdParty } from './lib/dependencies.mjs';
import { missingImports } from './lib/imports.mjs';
import { nodeRuntime } from './lib/node-runtime.mjs';
import { documents, maintainerScripts, packages } from './lib/packages.mjs';
import { Stage } from './lib/stage.mjs';
import { packageVersion } from './lib/version.mjs';

const usage = `npm run package -- [--version VERSION] [--out DIR] [--node bundle|system]

  --version  of the packages, instead of that of package.json with the revision of git
  --out      where they go (default: out)
  --node     bundle: the Node that runs this goes with them (default); system: they want nodejs (>= 20.10)
`;

async function main() {
  const { help, version: wanted, out, node: choice } = options();
  if (help) return void process.stdout.write(usage);
  const { version, seconds } = packageVersion(wanted);
  const node = nodeRuntime(choice);
  const modules = thirdParty([
    'coordinator',
    'agent',
    'packages/ovsdb-client',
    'packages/exposition',
    'packages/libbpf',
    'packages/systemd',
    'packages/log',
    'packages/endpoint',
    'proto',
    'iomodules',
  ]);
  const context = { version, seconds, node, modules };
  const architecture = debianArchitecture();
  const work = mkdtempSync(join(tmpdir(), 'iovisor-package-'));
  try {
    console.log(`Debian packages ${version} for ${architecture}`);
    const stages = new Map();
    await step('files', async () => {
      for (const made of packages) stages.set(made, await fill(made, context, work));
      check([...stages.values()]);
      return `of ${packages.length} packages, with ${modules.size} of npm’s`;
    });
    mkdirSync(out, { recursive: true });
    removeOld(out);
    const debs = await Promise.all(
      [...stages].map(([made, stage]) => pack(made, stage, { ...context, architecture }, out)),
    );
    const sums = debs.map((deb) => `${digest('sha256', deb)}  ${basename(deb)}\n`);
    writeFileSync(join(out, 'SHA256SUMS'), sums.join(''));
    console.log(`\nIn ${out}: ${debs.map((deb) => `\n  ${basename(deb)}`).join('')}\n  SHA256SUMS`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function options() {
  try {
    const { values } = parseArgs({
      options: {
        version: { type: 'string' },
        out: { type: 'string', default: join(root, 'out') },
        node: { type: 'string', default: 'bundle' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (!['bundle', 'system'].includes(values.node))
      throw new Error(`--node ${values.node}: bundle or system`);
    return values;
  } catch (error) {
    throw new SetupError(error.message, usage);
  }
}

async function fill(made, context, work) {
  const stage = new Stage(join(work, made.name), context.seconds);
  stage.makeDirectory('.');
  await made.fill(stage, context);
  documents(stage, made, context);
  return stage;
}

/** Each with what it depends on, and with nothing else. */
function check([common, ...others]) {
  for (const stage of [common, ...others]) {
    const missing = missingImports(stage, [common.directory, stage.directory]);
    if (missing.length > 0) throw new SetupError(`not in the packages, but imported:\n${missing.join('\n')}`);
  }
}

function pack(made, stage, context, out) {
  const { version, architecture } = context;
  return step(made.name, async () => {
    const { name, description } = made;
    const control = { name, version, architecture, description, fields: made.fields(context) };
    const deb = await buildDeb(stage, { ...control, scripts: maintainerScripts(name, context) }, out);
    return basename(deb);
  }).then(() => join(out, `${made.name}_${version}_${architecture}.deb`));
}

/** What an earlier run left: whoever takes all of them takes those of one version. */
function removeOld(out) {
  for (const name of readdirSync(out))
    if (/^iovisor-ovn-[a-z]+_.*\.deb$/.test(name) || name === 'SHA256SUMS') rmSync(join(out, name));
}

await main().catch(fail);
