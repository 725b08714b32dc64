import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import test from 'ava';
import { checkout } from '../lab/index.js';

const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: checkout,
  encoding: 'utf8',
  maxBuffer: 1 << 24,
})
  .split('\n')
  .filter(Boolean);
const files = new Set(tracked);
/** Each file and folder, and what one may call it for short: architecture.md leaves out folders that were just named. */
const endings = new Set<string>();
for (const file of tracked) {
  const parts = file.split('/');
  for (let end = 1; end <= parts.length; end++)
    for (let begin = 0; begin < end; begin++) endings.add(parts.slice(begin, end).join('/'));
}
const rooms = new Set(tracked.filter((file) => file.includes('/')).map((file) => file.split('/')[0]!));

/** What documents already point at and other changes bring. Each goes from this list when it is there. */
const awaited: string[] = [];

/** Types of another .proto file than the one that docs/iovctl.md is generated from: they have no heading there yet. */
const awaitedAnchors = ['docs/iovctl.md#logicaladdress', 'docs/iovctl.md#resourcetype'];

const documents = [
  'README.md',
  'devstack/README.md',
  ...readdirSync(join(checkout, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
];

/** Without blocks of code, which show commands and what they print. */
const prose = (document: string): string =>
  readFileSync(join(checkout, document), 'utf8').replace(/^ *```[\s\S]*?^ *```/gm, '');

/** Whether `path`, as a document writes it, is there. A `*` stands for any name, a folder may end with `/`. */
function exists(path: string): boolean {
  const plain = path.replace(/\/$/, '');
  // A test file may be named without what all of them end with, a module of ours by its placeholder.
  if (endings.has(plain) || endings.has(`${plain}.test.ts`) || /\bNAME\b/.test(plain)) return true;
  if (!plain.includes('*')) return false;
  if (plain.endsWith('/*')) return endings.has(plain.slice(0, -2));
  const pattern = new RegExp(`(^|/)${plain.replace(/[.+]/g, '\\$&').replaceAll('*', '[^/]*')}$`);
  return tracked.some((file) => pattern.test(file));
}

/** What is in backticks and means a file of the repository: a source file, or something below one of its rooms. */
function pathsIn(text: string): string[] {
  return [...text.matchAll(/`([\w@.*-]+(?:\/[\w@.*-]+)*\/?)`/g)]
    .map(([, path]) => path!)
    .filter((path) => {
      const room = path.split('/')[0]!;
      return /\.(ts|mjs|proto|h|c|md)$/.test(path) || (path.includes('/') && rooms.has(room));
    })
    .filter((path) => !/(^|\/)(dist|gen|node_modules|out)(\/|$)/.test(path));
}

test('files that the documents name are there', (t) => {
  const named = documents.flatMap((document) => pathsIn(prose(document)).map((path) => ({ document, path })));
  t.true(named.length > 40, 'the pattern finds them');
  t.deepEqual(
    named.filter(({ path }) => !exists(path)),
    [],
  );
});

test('links between the documents lead somewhere, to a heading that is there', (t) => {
  const anchors = (document: string): Set<string> =>
    new Set(
      [...prose(document).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
        heading!
          .toLowerCase()
          .replace(/[^\p{L}\p{N} _-]/gu, '')
          .replaceAll(' ', '-'),
      ),
    );
  const bad: string[] = [];
  let count = 0;
  for (const document of documents)
    for (const [, target] of prose(document).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue;
      count++;
      const [path, anchor] = target!.split('#');
      const file = path === '' ? document : normalize(join(dirname(document), path!)).replace(/\/$/, '');
      if (awaited.includes(file) || awaitedAnchors.includes(`${file}#${anchor}`)) continue;
      if (!files.has(file) && !endings.has(file)) bad.push(`${document}: ${target}`);
      else if (anchor && !anchors(file).has(anchor)) bad.push(`${document}: ${target}: no such heading`);
    }
  t.true(count > 30);
  t.deepEqual(bad, []);
});
