import { once } from 'node:events';
import test from 'ava';
import { startClient, startReplica, startTestServer, summary, until } from '../testsupport/fixture.js';
import { TestProxy } from '../testsupport/testProxy.js';
import { TEST_SCHEMA } from '../testsupport/testSchema.js';
import { freePort, TestServer, writeSchema } from '../testsupport/testServer.js';

test('resumes after kill -9 and restart of the server without loading anything again', async (t) => {
  const server = new TestServer();
  t.teardown(() => server.remove());
  const schema = writeSchema(server.directory, TEST_SCHEMA);
  await server.createCluster(schema, `tcp:127.0.0.1:${await freePort()}`).start();
  const client = startClient(t, server.remote);
  const { replica, batches } = startReplica(client);
  await replica.ready;
  await insert(client, 'a');
  const before = [...replica.table('Item')];
  t.is(before.length, 1);
  t.truthy(replica.lastTransactionId);

  const stale = once(replica, 'stale');
  await server.kill('SIGKILL');
  await stale;
  t.false(replica.synced);
  t.is(replica.table('Item').size, 1);

  const synced = once(replica, 'synced');
  await server.start();
  await synced;
  t.is(batches.length, 2, 'nothing had changed, so nothing was emitted');
  t.is(replica.table('Item').get(before[0]!._uuid), before[0], 'the very same row');

  await insert(client, 'c');
  const [changes, meta] = batches[2]!;
  t.deepEqual(summary(changes), ['insert c']);
  t.deepEqual(meta, { initial: false, reload: false, txnId: replica.lastTransactionId });
});

test('what happened while it was away arrives as those changes, when the server can tell', async (t) => {
  const server = new TestServer();
  t.teardown(() => server.remove());
  const schema = writeSchema(server.directory, TEST_SCHEMA);
  await server.createCluster(schema, `tcp:127.0.0.1:${await freePort()}`).start();
  const proxy = await new TestProxy(server.socket).start();
  t.teardown(() => proxy.remove());
  const other = startClient(t, server.remote);
  const client = startClient(t, proxy.remote);
  const { replica, batches } = startReplica(client);
  await Promise.all([replica.ready, other.whenConnected()]);
  // The server forgets history that is bigger than the database: make it big enough.
  await insert(other, 'big', { tags: Array.from({ length: 200 }, (_, i) => `tag${i}`) });
  await insert(other, 'a', { tags: ['x'], options: { k: '1' } });
  await insert(other, 'gone');
  await until(replica, () => replica.table('Item').size === 3);
  batches.length = 0;

  await proxy.stop();
  await other
    .transaction()
    .mutate(
      'Item',
      [['name', '==', 'a']],
      [
        ['tags', 'insert', ['y']],
        ['options', 'insert', { l: '2' }],
      ],
    )
    .commit();
  await other
    .transaction()
    .delete('Item', [['name', '==', 'gone']])
    .commit();
  await insert(other, 'new');
  const synced = once(replica, 'synced');
  await proxy.start();
  await synced;
  t.is(batches.length, 1);
  const [changes, meta] = batches[0]!;
  t.deepEqual(summary(changes).sort(), ['delete gone', 'insert new', 'modify a options,tags']);
  t.false(meta.reload);
  const [a] = [...replica.table('Item')].filter((row) => row.name === 'a');
  t.deepEqual(a!.tags, ['x', 'y']);
  t.deepEqual(
    a!.options,
    new Map([
      ['k', '1'],
      ['l', '2'],
    ]),
  );
});

test('a server that cannot resume is compared with, row by row', async (t) => {
  const server = await startTestServer(t);
  const client = startClient(t, server.remote);
  const { replica, batches } = startReplica(client);
  await replica.ready;
  await insert(client, 'same', { tags: ['x', 'y'], options: { a: 'b' } });
  await insert(client, 'changed', { level: 1 });
  const same = [...replica.table('Item')].find((row) => row.name === 'same')!;
  await server.kill();
  await server.start();
  await until(replica, () => replica.synced && batches.length === 4);
  t.deepEqual(batches[3], [[], { initial: false, reload: true, txnId: replica.lastTransactionId }]);
  t.is(replica.table('Item').get(same._uuid), same, 'the very same row');
});

test('a wiped database is emitted as a difference', async (t) => {
  const server = await startTestServer(t);
  const client = startClient(t, server.remote);
  const { replica, batches } = startReplica(client);
  const byName = replica.table('Item').index('name');
  await replica.ready;
  await insert(client, 'a');
  await insert(client, 'b');
  await server.kill();
  server.wipe(writeSchema(server.directory, TEST_SCHEMA));
  await server.start();
  await until(replica, () => replica.table('Item').size === 0);
  const [changes, meta] = batches.at(-1)!;
  t.deepEqual(summary(changes).sort(), ['delete a', 'delete b']);
  t.true(meta.reload);
  t.false(meta.initial);
  t.is(byName.get('a'), undefined);
  await insert(client, 'a');
  t.is(byName.get('a')?.name, 'a');
});

test('a converted schema makes replicas load anew, with the difference', async (t) => {
  const server = await startTestServer(t);
  const client = startClient(t, server.remote);
  const { replica, batches } = startReplica(client, { Item: {} });
  await replica.ready;
  await insert(client, 'a', { note: 'n' });
  const { note: _note, ...columns } = TEST_SCHEMA.tables.Item.columns;
  const extra = { ...columns, extra: { type: 'integer' } };
  const tables = { ...TEST_SCHEMA.tables, Item: { ...TEST_SCHEMA.tables.Item, columns: extra } };
  const converted = { ...TEST_SCHEMA, version: '2.0.0', tables };
  const schema = once(client, 'schema');
  await client.call('convert', ['Test', converted]).catch(() => undefined);
  await schema;
  t.is(client.schema?.version, '2.0.0');
  await until(replica, () => batches.at(-1)![1].reload);
  t.deepEqual(summary(batches.at(-1)![0]), ['modify a extra,note']);
  t.like(batches.at(-1)![0][0]!.row, { name: 'a', extra: 0 } as object);
});

test('tables and columns that do not exist are reported, the rest works', async (t) => {
  const server = await startTestServer(t);
  const client = startClient(t, server.remote);
  const { replica } = startReplica(client, {
    Item: { columns: ['name', 'nope'] },
    ...({ Nothing: {} } as object),
  });
  const problems: unknown[] = [];
  replica.on('problem', (problem) => problems.push(problem));
  await replica.ready;
  await insert(client, 'a');
  t.deepEqual(problems, [
    { table: 'Item', uuid: undefined, column: 'nope', message: 'the database has no column Item.nope' },
    { table: 'Nothing', uuid: undefined, column: undefined, message: 'database Test has no table Nothing' },
  ]);
  t.deepEqual(
    [...replica.table('Item')].map(({ _uuid, ...row }) => row),
    [{ name: 'a' }] as never,
  );
});

async function insert(client: ReturnType<typeof startClient>, name: string, row: object = {}): Promise<void> {
  const transaction = client.transaction();
  transaction.insert('Item', { name, ...row });
  await transaction.commit();
}
