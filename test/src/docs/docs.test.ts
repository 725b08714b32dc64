import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { checkout } from '../lab/index.js';

/** Plain JavaScript, outside of this project. */
const load = async <T>(file: string): Promise<T> => (await import(join(checkout, 'setup', file))) as T;

test('generated pages are current: else run npm run docs', async (t) => {
  const { pages } = await load<{ pages(): Promise<Map<string, string>> }>('docs.mjs');
  const all = await pages();
  t.true(all.size >= 2);
  for (const [path, text] of all)
    t.true(readFileSync(join(checkout, path), 'utf8') === text, `${path} is not what npm run docs makes`);
});

/** All of a room's sources but its tests. */
function sources(...folders: string[]): string {
  return folders
    .flatMap((folder) =>
      readdirSync(join(checkout, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => /\.ts$/.test(file) && !/\.test\.ts$|testsupport|testing|\bgen\b/.test(file))
        .map((file) => readFileSync(join(checkout, folder, file), 'utf8')),
    )
    .join('\n');
}

/** How keys of map columns are read. */
const READS = [
  /\b(?:options|other_config|otherConfig|external_ids|externalIds|config|settings|system)\??\.(?:get|has|isTrue|list)\('([^']+)'/g,
  /\b(?:isSet|bits)\([^()]*?, '([^']+)'/g,
];

test('the reference has every key that is read from a map column, and none that is not', async (t) => {
  const { keyTables } = await load<{ keyTables: { room: string; keys: { key: string }[] }[] }>(
    'lib/docs/keys.mjs',
  );
  const rooms: Record<string, string> = {
    agent: sources('agent/src/taps'),
    coordinator: sources(
      ...['admin', 'logic', 'monitor', 'southbound'].map((folder) => `coordinator/src/${folder}`),
    ),
  };
  for (const [room, text] of Object.entries(rooms)) {
    const listed = new Set(
      keyTables.filter((one) => one.room === room).flatMap(({ keys }) => keys.map(({ key }) => key)),
    );
    const read = new Set(READS.flatMap((pattern) => [...text.matchAll(pattern)].map(([, key]) => key!)));
    t.true(read.size > 10, room);
    t.deepEqual(
      [...read].filter((key) => !listed.has(key)),
      [],
      `${room} reads keys that setup/lib/docs/keys.mjs lacks`,
    );
    const unknown = [...listed].filter((key) => !new RegExp(`['":]?\\b${key}\\b['":]`).test(text));
    t.deepEqual(unknown, [], `${room} does not know keys that setup/lib/docs/keys.mjs has`);
  }
});
