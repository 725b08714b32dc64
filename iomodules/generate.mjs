// Compiles every IOModule (NAME/NAME.bpf.c → dist/obj/NAME.bpf.o) and generates gen/abi.ts, the TypeScript of the ABI
// headers, and gen/NAME.ts, that of a module of its own, from BTF. Skips what is newer than its sources.
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
// What an object says of its sources is the same wherever it is built.
flags.push(`-ffile-prefix-map=${here}/=`, '-fdebug-compilation-dir=.');
flags.push(`-I${join(here, 'include')}`, ...(existsSync(triplet) ? [`-I${triplet}`] : []));

const files = (directory, suffix) =>
  readdirSync(directory)
    .filter((name) => name.endsWith(suffix))
    .map((name) => join(directory, name));
const time = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);
const upToDate = (target, sources) => sources.every((source) => time(source) < time(target));

function compile(source, object = join(objects, basename(source).replace(/\.c$/, '.o'))) {
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

// `node generate.mjs SOURCE OBJECT`: that one alone.
const [onlySource, onlyObject] = process.argv.slice(2);
if (onlySource !== undefined && onlyObject !== undefined) {
  compile(onlySource, onlyObject);
  process.exit();
}

mkdirSync(objects, { recursive: true });
const modules = readdirSync(here, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(here, entry.name, `${entry.name}.bpf.c`)))
  .map((entry) => join(here, entry.name, `${entry.name}.bpf.c`));

const generator = join(here, '../packages/libbpf/dist/codegen/cli.js');

/** gen/NAME.ts: the TypeScript of C types, from the BTF of an object. */
function codecs(name, object, structs, enums) {
  const out = join(here, `gen/${name}.ts`);
  if (
    structs.length + enums.length === 0 ||
    upToDate(out, [object, generator, fileURLToPath(import.meta.url)])
  )
    return;
  mkdirSync(dirname(out), { recursive: true });
  const lists = ['--structs', structs.join(), '--enums', enums.join(), '--out', out];
  execFileSync(process.execPath, [generator, object, ...lists], { stdio: 'inherit' });
}

const matches = (text, pattern) => [...text.matchAll(pattern)].map(([, name]) => name);

// A module of one's own (iov/module.h) crosses the boundary by the types that have its name in front; enums only if a struct uses them.
for (const source of modules) {
  const object = compile(source);
  const name = basename(source, '.bpf.c');
  const text = readFileSync(source, 'utf8');
  if (!text.includes('#include <iov/module.h>')) continue;
  const types = (kind) => matches(text, new RegExp(`^${kind} (${name}_\\w+) \\{`, 'gm'));
  codecs(name, object, types('struct'), types('enum'));
}
codecs('hover', join(objects, 'hover.bpf.o'), ['hover_edge', 'hover_packet'], ['hover_drop']);

const abiSource = join(here, 'include/abi.bpf.c');
const abi = readFileSync(abiSource, 'utf8');
const types = (kind) => matches(abi, new RegExp(`^\\t${kind} (iov_\\w+)`, 'gm'));
codecs('abi', compile(abiSource), types('struct'), types('enum'));
