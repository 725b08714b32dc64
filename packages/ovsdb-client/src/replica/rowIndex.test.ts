import test from 'ava';
import { startClient, startReplica, startTestServer } from '../testsupport/fixture.js';

test('indexes over columns, sets, maps and functions follow every change', async (t) => {
  const server = await startTestServer(t);
  const client = startClient(t, server.remote);
  const { replica } = startReplica(client);
  const items = replica.table('Item');
  const byLevel = items.index('level');
  const byTag = items.index('tags');
  const byOption = items.index('options');
  const byPair = items.index(['color', 'level']);
  const byInitial = items.index((row) => row.name.slice(0, 1));
  await replica.ready;
  const insert = client.transaction();
  insert.insert('Item', { name: 'a1', level: 1, tags: ['x', 'y'], options: { k: 'v' }, color: 'red' });
  insert.insert('Item', { name: 'a2', level: 1, tags: ['y'], color: 'red' });
  insert.insert('Item', { name: 'b1', tags: [] });
  await insert.commit();
  const names = (rows: { name: string }[]) => rows.map((row) => row.name).sort();
  t.deepEqual(names(byLevel.all(1)), ['a1', 'a2']);
  t.deepEqual(names(byTag.all('y')), ['a1', 'a2']);
  t.is(byTag.get('x')?.name, 'a1');
  t.is(byOption.get('k')?.name, 'a1');
  t.deepEqual(names(byPair.all(['red', 1])), ['a1', 'a2']);
  t.is(byPair.get(['', undefined])?.name, 'b1');
  t.deepEqual(names(byInitial.all('a')), ['a1', 'a2']);
  t.is(items.index('name').get('b1')?.name, 'b1', 'an index made later has the rows that are there');

  await client
    .transaction()
    .update('Item', [['name', '==', 'a1']], { level: 2, tags: ['z'], name: 'c1', color: '' })
    .delete('Item', [['name', '==', 'b1']])
    .commit();
  t.deepEqual(names(byLevel.all(1)), ['a2']);
  t.deepEqual(names(byLevel.all(2)), ['c1']);
  t.deepEqual(byTag.all('x'), []);
  t.is(byTag.get('z')?.name, 'c1');
  t.deepEqual(names(byTag.all('y')), ['a2']);
  t.is(byPair.get(['', undefined]), undefined);
  t.is(byInitial.get('b'), undefined);
  t.is(byInitial.get('c')?.level, 2);
});
