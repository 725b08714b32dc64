import { once } from 'node:events';
import test from 'ava';
import type { Client } from '../client.js';
import { startClient, startReplica, startTestServer, summary } from '../testsupport/fixture.js';
import { TestProxy } from '../testsupport/testProxy.js';
import { TEST_SCHEMA } from '../testsupport/testSchema.js';
import { freePort, TestServer, writeSchema } from '../testsupport/testServer.js';

async function fill(client: Client): Promise<void> {
  await client.whenConnected();
  const insert = client.transaction();
  for (let level = 0; level < 5; level++) insert.insert('Item', { name: `n${level}`, level });
  await insert.commit();
}

test('a changed condition adds and removes rows before it resolves', async (t) => {
  const server = await startTestServer(t);
  const client = startClient(t, server.remote);
  await fill(client);
  const { replica, batches } = startReplica(client, { Item: { where: [['level', '==', 1]] } });
  await replica.ready;
  await replica.setCondition('Item', [['level', '==', 2]]);
  t.deepEqual(summary(batches[1]![0]).sort(), ['delete n1', 'insert n2']);
  const superseded = replica.setCondition('Item', [['level', '==', 3]]);
  const last = replica.setCondition('Item', [['level', '==', 4]]);
  await Promise.all([superseded, last]);
  t.deepEqual(
    [...replica.table('Item')].map((row) => row.name),
    ['n4'],
  );
});

test('conditions that are not valid are refused and leave those before in force', async (t) => {
  const server = await startTestServer(t);
  const client = startClient(t, server.remote);
  await fill(client);
  const { replica } = startReplica(client, { Item: { where: [['level', '==', 1]] } });
  await replica.ready;
  await t.throwsAsync(replica.setCondition('Item', [['nope', '==', 1]]), { message: /no column nope/ });
  await t.throwsAsync(replica.setCondition('Item', [['level', '==', 'x']]), {
    message: /Item\.level.*not of type integer/,
  });
  await t.throwsAsync(replica.setCondition('Item', [['level', '~' as never, 1]]), {
    message: /"~" is no OVSDB comparison/,
  });
  await t.throwsAsync(replica.setCondition('Part', []), { message: /no table Part/ });
  t.is(replica.table('Item').size, 1);
});

test('a condition changed while disconnected is in force after resuming, with its rows', async (t) => {
  const server = new TestServer();
  t.teardown(() => server.remove());
  const schema = writeSchema(server.directory, TEST_SCHEMA);
  await server.createCluster(schema, `tcp:127.0.0.1:${await freePort()}`).start();
  const proxy = await new TestProxy(server.socket).start();
  t.teardown(() => proxy.remove());
  const client = startClient(t, proxy.remote);
  await fill(client);
  const { replica, batches } = startReplica(client, { Item: { where: [['level', '==', 1]] } });
  await replica.ready;
  const stale = once(replica, 'stale');
  await proxy.stop();
  await stale;
  const changed = replica.setCondition('Item', [['level', '==', 2]]);
  await proxy.start();
  await changed;
  t.deepEqual(
    [...replica.table('Item')].map((row) => row.name),
    ['n2'],
  );
  t.false(
    batches.some(([, meta]) => meta.reload),
    'it resumed and then changed the condition',
  );
});

test('a condition set before the first connection is the first one used', async (t) => {
  const server = await startTestServer(t);
  const other = startClient(t, server.remote);
  await fill(other);
  const client = startClient(t, server.remote);
  const { replica, batches } = startReplica(client, { Item: {} });
  await replica.setCondition('Item', [['level', '==', 2]]);
  t.deepEqual(
    batches.map(([changes]) => summary(changes)),
    [['insert n2']],
  );
});

test('stopping a replica rejects who waits, and ends its events', async (t) => {
  const server = await startTestServer(t);
  const client = startClient(t, `unix:${server.directory}/none`);
  const { replica } = startReplica(client, { Item: {} });
  const condition = t.throwsAsync(replica.setCondition('Item', []), { message: /stopped/ });
  const ready = t.throwsAsync(replica.ready, { message: /stopped/ });
  replica.stop();
  await Promise.all([condition, ready]);
});

test('a stopped replica keeps its rows as they were', async (t) => {
  const server = await startTestServer(t);
  const client = startClient(t, server.remote);
  await fill(client);
  const { replica, batches } = startReplica(client, { Item: {} });
  await replica.ready;
  replica.stop();
  await client.transaction().delete('Item', []).commit();
  t.is(batches.length, 1);
  t.is(replica.table('Item').size, 5);
  t.false(replica.synced);
});

test('a condition on a column that does not exist selects nothing and is reported', async (t) => {
  const server = await startTestServer(t);
  const client = startClient(t, server.remote);
  const { replica } = startReplica(client, { Item: { where: [['nope', '==', 1]] } });
  const problems: object[] = [];
  replica.on('problem', (problem) => problems.push(problem));
  await fill(client);
  await replica.ready;
  t.is(replica.table('Item').size, 0);
  t.like(problems, [{ table: 'Item', uuid: undefined, column: 'nope' }]);
});

test('a transaction of thousands of rows is one change, for rows and indexes alike', async (t) => {
  const server = await startTestServer(t);
  const client = startClient(t, server.remote);
  const { replica, batches } = startReplica(client, { Item: {} });
  const byLevel = replica.table('Item').index('level');
  await replica.ready;
  const insert = client.transaction();
  for (let i = 0; i < 3000; i++) insert.insert('Item', { name: `n${i}`, level: i % 10 });
  await insert.commit();
  t.is(batches[1]![0].length, 3000);
  t.is(byLevel.all(3).length, 300);
  await client
    .transaction()
    .update('Item', [['level', '<', 9]], { level: 9 })
    .commit();
  t.is(batches[2]![0].length, 2700);
  t.is(byLevel.all(3).length, 0);
  t.is(byLevel.all(9).length, 3000);
  await client.transaction().delete('Item', []).commit();
  t.is(batches[3]![0].length, 3000);
  t.is(byLevel.get(9), undefined);
  t.is(replica.table('Item').size, 0);
});
