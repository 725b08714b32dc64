import test from 'ava';
import { ConnectionLostError } from '../connection/errors.js';
import { byUuid } from '../schema/condition.js';
import { startClient, startReplica, startTestServer } from '../testsupport/fixture.js';
import { TestProxy } from '../testsupport/testProxy.js';
import type { TransactionError } from './transactionError.js';

async function connect(t: Parameters<typeof startTestServer>[0]) {
  const server = await startTestServer(t);
  const client = startClient(t, server.remote);
  await client.whenConnected();
  return { server, client };
}

test('each operation has its result, in order', async (t) => {
  const { client } = await connect(t);
  const transaction = client.transaction();
  const uuid = '12345678-1234-4234-8234-123456789abc';
  const part = transaction.insert('Part', { label: 'p' }, { uuidName: 'p1' });
  transaction.insert('Item', { name: 'a', parts: part, note: undefined }, { uuid });
  transaction
    .comment('a test')
    .update('Item', [['name', '==', 'a']], { count: 3 })
    .mutate('Item', [byUuid(uuid)], [['count', '*=', 4]])
    .select('Item', [['count', '>', 5]], ['_uuid', 'name', 'count', 'parts'])
    .delete('Item', [['name', '==', 'nobody']])
    .commitDurable();
  t.is(transaction.size, 8);
  const results = await transaction.commit();
  const partUuid = results[0]!.uuid!;
  t.deepEqual(results, [
    { uuid: partUuid },
    { uuid },
    {},
    { count: 1 },
    { count: 1 },
    { rows: [{ _uuid: uuid, name: 'a', count: 12, parts: [partUuid] }] },
    { count: 0 },
    {},
  ]);
  const [select] = await client
    .transaction()
    .select('Item', [byUuid(uuid)])
    .commit();
  t.like(select!.rows![0], { name: 'a', tags: [], note: undefined });
  await t.throwsAsync(transaction.commit(), { message: /once only/ });
  t.deepEqual(await client.transaction().commit(), []);
});

test('a refused transaction tells which operation and why, and does nothing', async (t) => {
  const { client } = await connect(t);
  const refuse = async (build: (transaction: ReturnType<typeof client.transaction>) => unknown) => {
    const transaction = client.transaction();
    transaction.insert('Item', { name: 'never' });
    build(transaction);
    return t.throwsAsync<TransactionError>(transaction.commit(), { name: 'TransactionError' });
  };
  t.like(await refuse((txn) => txn.insert('Item', { name: 'x', level: 99 })), {
    code: 'constraint violation',
    operation: { index: 1, op: 'insert', table: 'Item' },
    isTryAgain: false,
    maybeCommitted: false,
  });
  const dangling = '00000000-0000-4000-8000-000000000001';
  t.like(await refuse((txn) => txn.insert('Item', { name: 'x', parts: [dangling] })), {
    code: 'referential integrity violation',
    operation: undefined,
  });
  t.like(await refuse((txn) => txn.insert('Item', { name: 'never' })), {
    code: 'constraint violation',
    operation: undefined,
  });
  t.like(await refuse((txn) => txn.abort()), {
    code: 'aborted',
    operation: { index: 1, op: 'abort', table: undefined },
  });
  t.like(await refuse((txn) => txn.mutate('Item', [], [['count', '/=', 0]])), { code: 'domain error' });
  const wait = { table: 'Item', where: [], columns: ['name'], rows: [], until: '==', timeoutMs: 0 } as const;
  const timedOut = await refuse((txn) => txn.wait(wait));
  t.like(timedOut, { code: 'timed out', isTryAgain: true });
  t.regex(timedOut.message, /operation 1 \(wait Item\): timed out/);
  const [select] = await client.transaction().select('Item', []).commit();
  t.deepEqual(select!.rows, []);
});

test('what does not fit the schema is refused before anything is sent', async (t) => {
  const { client } = await connect(t);
  const build = () => client.transaction();
  for (const [transaction, message] of [
    [build().update('Nope', [], {}), /update: database Test has no table Nope/],
    [build().update('Item', [], { nope: 1 }), /table Item has no column nope/],
    [build().update('Item', [], { count: 'x' }), /Item\.count: "x" is not of type integer/],
    [build().update('Item', [['count', '==', 'x']], {}), /condition on Item\.count/],
    [build().mutate('Item', [], [['count', '**' as never, 1]]), /no OVSDB mutator/],
    [build().mutate('Item', [], [['count', '+=', undefined]]), /Item\.count: undefined/],
  ] as const) {
    await t.throwsAsync(transaction.commit(), { name: 'ValueError', message });
  }
  t.throws(() => build().insert('Item', {}, { uuid: 'x' }), { message: /"x" is no UUID/ });
});

test('verify makes a transaction fail when the row has changed or is gone', async (t) => {
  const { client } = await connect(t);
  const { replica } = startReplica(client);
  await replica.ready;
  const insert = client.transaction();
  insert.insert('Item', { name: 'a', tags: ['x'], options: { k: 'v' } });
  await insert.commit();
  const [row] = replica.table('Item');
  const columns = ['count', 'note', 'tags', 'options'];
  await client
    .transaction()
    .verify(row!, columns)
    .update('Item', [byUuid(row!._uuid)], { note: 'n' })
    .commit();
  const stale = client
    .transaction()
    .verify(row!, columns)
    .update('Item', [byUuid(row!._uuid)], { note: 'm' });
  t.true((await t.throwsAsync<TransactionError>(stale.commit())).isTryAgain);
  await client.transaction().verify('Item', row!, ['count']).commit();
  await client.transaction().delete('Item', []).commit();
  for (const gone of [
    client.transaction().verify(row!, columns),
    client.transaction().verify('Item', row!, columns),
  ]) {
    t.true((await t.throwsAsync<TransactionError>(gone.commit())).isTryAgain);
  }
});

test('a wait holds the transaction until another client has done its part', async (t) => {
  const { client, server } = await connect(t);
  const other = startClient(t, server.remote);
  await other.whenConnected();
  const where = [['name', '==', 'a']] as const;
  const waiting = client
    .transaction()
    .wait({ table: 'Item', where, columns: ['count'], rows: [{ count: 1 }], until: '==', timeoutMs: 30_000 })
    .update('Item', where, { count: 2 })
    .commit();
  await client.call('echo', []);
  const insert = other.transaction();
  insert.insert('Item', { name: 'a', count: 1 });
  await insert.commit();
  t.deepEqual(await waiting, [{}, { count: 1 }]);
});

test('a waiting transaction can be called off', async (t) => {
  const { client } = await connect(t);
  const abort = new AbortController();
  const wait = { table: 'Item', where: [], columns: ['name'], rows: [], until: '!=' } as const;
  const waiting = client.transaction().wait(wait).delete('Item', []).commit(abort.signal);
  abort.abort(new Error('enough'));
  await t.throwsAsync(waiting, { message: 'enough' });
  const insert = client.transaction();
  insert.insert('Item', { name: 'a' });
  await insert.commit();
  const [select] = await client.transaction().select('Item', []).commit();
  t.is(select!.rows!.length, 1, 'the canceled transaction did not delete it');
});

test('a connection lost under a transaction leaves its fate open, and is said to do so', async (t) => {
  const server = await startTestServer(t);
  const proxy = await new TestProxy(server.socket).start();
  t.teardown(() => proxy.remove());
  const client = startClient(t, proxy.remote);
  await t.throwsAsync(client.transaction().delete('Item', []).commit(), { instanceOf: ConnectionLostError });
  await client.whenConnected();
  const wait = { table: 'Item', where: [], columns: ['name'], rows: [], until: '!=' } as const;
  const waiting = client.transaction().wait(wait).commit();
  await client.call('echo', []);
  proxy.cut();
  const lost = await t.throwsAsync(waiting, { instanceOf: ConnectionLostError });
  t.true(lost.maybeCommitted);
  const unsent = await t.throwsAsync(client.transaction().delete('Item', []).commit(), {
    instanceOf: ConnectionLostError,
  });
  t.false(unsent.maybeCommitted);
});
