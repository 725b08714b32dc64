// Compiles every IOModule (NAME/NAME.bpf.c → dist/obj/NAME.bpf.o) and generates gen/abi.ts, the TypeScript of the ABI
// headers, from BTF. Skips what is newer than its sources.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const objects = join(here, 'dist/obj');
const headers = join(here, 'include/iov');

// linux/types.h wants asm/types.h, which Debian and Ubuntu keep in the directory of the machine's triplet.
const machines = { x64: 'x86_64', arm64: 'aarch64' };
const triplet = `/usr/include/${machines[process.arch] ?? process.arch}-linux-gnu`;
const flags = [
  '-O2',
  '-g',
  '-target',
  'bpf',
  '-mcpu=v3',
  '-fno-strict-aliasing',
  '-Wall',
  '-Wextra',
  '-Werror',
];
flags.push(`-I${join(here, 'include')}`, ...(existsSync(triplet) ? [`-I${triplet}`] : []));

const files = (directory, suffix) =>
  readdirSync(directory)
    .filter((name) => name.endsWith(suffix))
    .map((name) => join(directory, name));
const time = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);
const upToDate = (target, sources) => sources.every((source) => time(source) < time(target));

function compile(source) {
  const object = join(objects, basename(source).replace(/\.c$/, '.o'));
  const sources = [
    source,
    ...files(dirname(source), '.h'),
    ...files(headers, '.h'),
    fileURLToPath(import.meta.url),
  ];
  if (upToDate(object, sources)) return object;
  try {
    execFileSync('clang', [...flags, '-c', source, '-o', object], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
  } catch (error) {
    if (error.code === 'ENOENT')
      throw new Error('clang is not installed: apt install clang libbpf-dev linux-libc-dev');
    process.exit(1); // clang has said what is wrong
  }
  return object;
}

mkdirSync(objects, { recursive: true });
const modules = readdirSync(here, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(here, entry.name, `${entry.name}.bpf.c`)))
  .map((entry) => join(here, entry.name, `${entry.name}.bpf.c`));
for (const source of modules) compile(source);

const abiSource = join(here, 'include/abi.bpf.c');
const abi = compile(abiSource);
const types = readFileSync(abiSource, 'utf8');
const names = (kind) =>
  [...types.matchAll(new RegExp(`^\\t${kind} (iov_\\w+)`, 'gm'))].map(([, name]) => name);
const generator = join(here, '../packages/libbpf/dist/codegen/cli.js');
const out = join(here, 'gen/abi.ts');
if (!upToDate(out, [abi, generator])) {
  mkdirSync(dirname(out), { recursive: true });
  const lists = ['--structs', names('struct').join(), '--enums', names('enum').join()];
  execFileSync(process.execPath, [generator, abi, ...lists, '--out', out], { stdio: 'inherit' });
}
