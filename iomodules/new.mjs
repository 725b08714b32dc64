// `npm run iomodule:new NAME`: a folder with a module whose packet test passes. A second argument: where to put it, not here.
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const [name, into = here] = process.argv.slice(2);

function refuse(why) {
  process.stderr.write(`iomodule:new: ${why}\nusage: npm run iomodule:new NAME\n`);
  process.exit(1);
}

// It becomes the name of C functions, structs and files. Those of C itself would not compile.
const reserved = new Set([
  'template',
  'hover',
  'abi',
  ...'auto break case char const continue default do double else enum extern float for goto if inline int long register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while bool true false'.split(
    ' ',
  ),
  ...'await class debugger delete export function import in instanceof let new null super this throw try typeof var with yield arguments eval test config'.split(
    ' ',
  ),
]);
if (name === undefined || !/^[a-z][a-z0-9_]{0,30}$/.test(name))
  refuse('the name is lower-case letters, digits and _, 31 at most, a letter first');
if (reserved.has(name)) refuse(`${name} is a word that C, TypeScript or the template has a use for`);
const target = join(into, name);
if (existsSync(target) || existsSync(join(here, name))) refuse(`there is a folder ${name} already`);

cpSync(join(here, 'template'), target, { recursive: true, filter: (path) => !path.endsWith('new.test.ts') });
for (const file of readdirSync(target)) {
  const text = readFileSync(join(target, file), 'utf8').replaceAll('template', name);
  writeFileSync(join(target, file), text);
  renameSync(join(target, file), join(target, file.replace('template', name)));
}
// A fresh checkout has no packages yet; setting up builds, too.
const build = existsSync(join(here, '../node_modules')) ? 'npm run build' : 'npm run setup';
process.stdout.write(`iomodules/${name}: program ${name}.bpf.c, configuration ${name}.ts, test ${name}.test.ts, README.md

Its test:    ${build} && (cd iomodules && sudo npx ava dist/${name}/${name}.test.js)
For the API: a line in iomodules/builtin/registry.ts: import { ${name} } from '../${name}/${name}.js', and ${name} in the list.
How to go on: docs/writing-an-iomodule.md
`);
