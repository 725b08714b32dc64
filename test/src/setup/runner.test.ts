import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import test from 'ava';
import { checkout } from '../lab/index.js';

interface Result {
  ok: boolean;
  title: string;
  skipped: boolean;
}
interface Runner {
  runAva(workspace: string, report: (result: Result) => void): Promise<Record<string, number>>;
}

/** Plain JavaScript, outside of this project: the set-up must run before anything is compiled. */
const load = async <T>(file: string): Promise<T> => (await import(join(checkout, 'setup', file))) as T;

async function count(files: Record<string, string>) {
  const { runAva } = await load<Runner>('lib/ava.mjs');
  const dir = mkdtempSync(join(tmpdir(), 'iovisor-runner-'));
  try {
    symlinkSync(join(checkout, 'node_modules'), join(dir, 'node_modules'));
    const ava = { files: ['*.test.js'], workerThreads: false };
    writeFileSync(join(dir, 'package.json'), JSON.stringify({ type: 'module', ava }));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
    const failed: string[] = [];
    const counts = await runAva(relative(checkout, dir), ({ ok, skipped, title }) => {
      if (!ok && !skipped) failed.push(title);
    });
    return { counts, failed };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const importAva = "import test from 'ava';\n";

test.serial('the runner counts what passed, failed and was skipped', async (t) => {
  const { counts, failed } = await count({
    'a.test.js': `${importAva}test('one · # two', (t) => t.pass()); test('three', (t) => t.is(1, 2)); test.todo('four');`,
  });
  t.deepEqual(counts, { passed: 1, failed: 1, skipped: 1 });
  t.deepEqual(failed, ['three']);
});

test.serial('a test file that crashes, and one that cannot be loaded, count as failed', async (t) => {
  const exits = await count({ 'a.test.js': `${importAva}test('x', (t) => t.pass()); process.exit(3);` });
  t.true(exits.counts.failed! > 0);
  const missing = await count({ 'a.test.js': "import 'not-there';" });
  t.true(missing.counts.failed! > 0);
  const none = await count({});
  t.true(none.counts.failed! > 0);
});

test.serial('package-lock.json knows the packages of every platform, or npm ci refuses it', (t) => {
  const text = readFileSync(join(checkout, 'package-lock.json'), 'utf8');
  const lock = JSON.parse(text) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>;
  };
  const wanted = Object.values(lock.packages).flatMap((entry) =>
    Object.keys(entry.optionalDependencies ?? {}),
  );
  t.true(wanted.length > 0);
  t.deepEqual(
    wanted.filter((name) => !lock.packages[`node_modules/${name}`]),
    [],
  );
});
