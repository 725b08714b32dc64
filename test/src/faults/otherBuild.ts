import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command } from '../lab/command.js';
import { checkout } from '../lab/program.js';

export interface OtherBuildOptions {
  /** Version of the IOModule ABI it claims: its maps are other ones than those of the checkout's build. */
  abi?: number;
  /** Its programs are other ones: the switch does something more, which changes nothing. */
  code?: boolean;
  /** One of its programs is such that no verifier takes it. */
  broken?: boolean;
  /** Its maps have another layout, and all programs are compiled for it (a minute of clang). */
  layout?: boolean;
}

/**
 * A copy of the agent and its IOModules in a directory, changed as another release would be: what an upgrade puts in place of the
 * checkout's. Everything else is the checkout's.
 * @returns the command line of its agent, without flags
 */
export async function otherBuild(dir: string, o: OtherBuildOptions): Promise<string[]> {
  const modules = join(dir, 'node_modules');
  const scope = join(modules, '@iovisor-ovn');
  mkdirSync(scope, { recursive: true });
  link(join(checkout, 'node_modules'), modules, (name) => name !== '@iovisor-ovn' && name !== '.bin');
  link(
    join(checkout, 'node_modules', '@iovisor-ovn'),
    scope,
    (name) => name !== 'iomodules' && name !== 'agent',
  );
  const iomodules = join(scope, 'iomodules');
  const agent = join(dir, 'agent');
  copy(join(checkout, 'iomodules'), iomodules);
  copy(join(checkout, 'agent'), agent);
  if (o.layout) await changeLayout(iomodules);
  else if (o.code || o.broken) {
    const code = o.broken ? BROKEN_CODE : OTHER_CODE;
    edit(join(iomodules, 'switch', 'switch.bpf.c'), BEGIN, `${BEGIN}${code}`);
    await compile(iomodules, 'switch');
  }
  if (o.abi !== undefined) {
    const changed = { file: join(iomodules, 'dist', 'gen', 'abi.js'), from: /IOV_ABI_VERSION: \d+/ };
    edit(changed.file, changed.from, `IOV_ABI_VERSION: ${o.abi}`);
  }
  return [process.execPath, join(agent, 'bin', 'iovisor-agent.js')];
}

const BEGIN = 'iov_begin(IOV_SLOT_SWITCH);\n';
const OTHER_CODE = '\tif (!bpf_ktime_get_ns())\n\t\tpkt->pad2 = 1;\n';

const BROKEN_CODE = '\tif (*(volatile int *)(long)ctx->data_end)\n\t\tpkt->pad2 = 1;\n';

/** A field more in front of those of a port: every program that reads a port must know, and the agent. */
async function changeLayout(iomodules: string): Promise<void> {
  edit(
    join(iomodules, 'include', 'iov', 'types.h'),
    'struct iov_port {\n',
    'struct iov_port {\n\t__u64 other_layout;\n',
  );
  symlinkSync(join(checkout, 'packages'), join(iomodules, '..', 'packages'));
  await command([process.execPath, join(iomodules, 'generate.mjs')]);
  const text = readFileSync(join(iomodules, 'gen', 'abi.ts'), 'utf8');
  const { default: typescript } = await import('typescript');
  const { outputText } = typescript.transpileModule(text, {
    compilerOptions: { target: typescript.ScriptTarget.ES2022, module: typescript.ModuleKind.ESNext },
  });
  writeFileSync(join(iomodules, 'dist', 'gen', 'abi.js'), outputText);
}

async function compile(iomodules: string, name: string): Promise<void> {
  const source = join(iomodules, name, `${name}.bpf.c`);
  const object = join(iomodules, 'dist', 'obj', `${name}.bpf.o`);
  await command([process.execPath, join(iomodules, 'generate.mjs'), source, object]);
}

function link(from: string, to: string, wanted: (name: string) => boolean): void {
  for (const name of readdirSync(from)) if (wanted(name)) symlinkSync(join(from, name), join(to, name));
}

function copy(from: string, to: string): void {
  const skipped = /\/(node_modules|src)(\/|$)|\.(map|test\.js|d\.ts)$/;
  cpSync(from, to, {
    recursive: true,
    filter: (path) => !skipped.test(path.slice(from.length)),
    preserveTimestamps: true,
  });
}

function edit(file: string, from: string | RegExp, to: string): void {
  const text = readFileSync(file, 'utf8');
  const changed = text.replace(from, to);
  if (changed === text) throw new Error(`${file}: there is no ${from} to change`);
  writeFileSync(file, changed);
}
