import { once } from 'node:events';
import { rmSync } from 'node:fs';
import test from 'ava';
import { ConnectionLostError, RpcError } from './connection/errors.js';
import { startClient, startReplica, startTestServer, summary } from './testsupport/fixture.js';
import { makeDirectory } from './testsupport/testServer.js';

test('connects, reads the schema and lists the databases', async (t) => {
  const server = await startTestServer(t);
  const client = startClient(t, server.remote);
  await client.whenConnected();
  t.is(client.state, 'connected');
  t.is(client.remote, server.remote);
  t.is(client.schema?.tables.get('Item')?.columns.get('tags')?.type.max, Number.POSITIVE_INFINITY);
  t.deepEqual(await client.call('list_dbs', []), ['Test', '_Server']);
  await t.throwsAsync(client.call('no_such_method', []), { instanceOf: RpcError, message: /unknown method/ });
});

test('a change of each column type arrives as JavaScript values, before its transaction resolves', async (t) => {
  const server = await startTestServer(t);
  const client = startClient(t, server.remote);
  const { replica, batches } = startReplica(client);
  await replica.ready;
  t.deepEqual(batches, [[[], { initial: true, reload: false, txnId: replica.lastTransactionId }]]);

  const transaction = client.transaction();
  const part = transaction.insert('Part', { label: 'wheel' });
  const row = {
    name: 'a',
    count: -5,
    weight: 1.5,
    on: true,
    note: 'x',
    level: 3,
    tags: ['b', 'a'],
    numbers: new Set([10, 9]),
    options: { k: 'v' },
    one: new Map([['k', 1]]),
    color: 'red',
    parts: [part],
  };
  transaction.insert('Item', row);
  const [partResult, itemResult] = await transaction.commit();
  t.is(batches.length, 2);
  t.deepEqual(summary(batches[1]![0]).sort(), ['insert a', 'insert wheel']);
  t.deepEqual(replica.table('Item').get(itemResult!.uuid!), {
    _uuid: itemResult!.uuid!,
    ...row,
    color: 'red',
    tags: ['a', 'b'],
    numbers: [9, 10],
    options: new Map([['k', 'v']]),
    friends: [],
    parts: [partResult!.uuid!],
  });

  const where = [['name', '==', 'a']] as const;
  await client
    .transaction()
    .update('Item', where, { note: undefined, level: 4, one: { l: 2 }, color: '' })
    .mutate('Item', where, [
      ['count', '+=', 7],
      ['tags', 'insert', ['c']],
      ['tags', 'delete', 'a'],
      ['numbers', 'delete', [9]],
      ['options', 'insert', { l: 'w' }],
      ['options', 'delete', ['k']],
    ])
    .commit();
  t.is(batches.length, 3);
  const change = batches[2]![0][0]!;
  t.is(change.kind, 'modify');
  t.deepEqual([...change.columns!].sort(), [
    'color',
    'count',
    'level',
    'note',
    'numbers',
    'one',
    'options',
    'tags',
  ]);
  t.like(change.old, { note: 'x', level: 3 });
  t.deepEqual(change.row, {
    ...replica.table('Item').get(itemResult!.uuid!)!,
    note: undefined,
    level: 4,
    count: 2,
    tags: ['b', 'c'],
    numbers: [10],
    options: new Map([['l', 'w']]),
    one: new Map([['l', 2]]),
    color: '',
  });

  await client.transaction().delete('Item', where).commit();
  t.deepEqual(summary(batches[3]![0]).sort(), ['delete a', 'delete wheel']);
  t.is(replica.table('Item').size, 0);
});

test('without a server it keeps trying, says why, and closes at once', async (t) => {
  const directory = makeDirectory();
  t.teardown(() => rmSync(directory, { recursive: true }));
  const remote = `unix:${directory}/none`;
  const client = startClient(t, remote);
  for (let i = 0; i < 3; i++) {
    const [failed, reason] = await once(client, 'failed');
    t.is(failed, remote);
    t.regex((reason as Error).message, /ENOENT/);
  }
  const error = await t.throwsAsync(client.call('echo', []), { instanceOf: ConnectionLostError });
  t.false(error.maybeCommitted);
  const waiting = t.throwsAsync(client.whenConnected(), { name: 'ClientClosedError' });
  await client.close();
  await waiting;
  t.is(client.state, 'closed');
});

test('a database the server does not have is an error that names it', async (t) => {
  const server = await startTestServer(t);
  const client = startClient(t, server.remote, { database: 'Other' });
  const [, reason] = await once(client, 'failed');
  t.regex((reason as Error).message, /no database Other/);
});
