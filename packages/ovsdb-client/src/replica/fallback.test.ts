import { once } from 'node:events';
import test from 'ava';
import { startClient, startReplica, startTestServer, summary, until } from '../testsupport/fixture.js';
import { type Intercept, TestProxy } from '../testsupport/testProxy.js';

const OLDER: [string, readonly string[]][] = [
  ['monitor_cond', ['monitor_cond_since']],
  ['monitor', ['monitor_cond_since', 'monitor_cond', 'set_db_change_aware']],
];

for (const [method, missing] of OLDER) {
  const intercept: Intercept = (name) => (missing.includes(name) ? 'unknown method' : undefined);

  test(`a server that knows ${method} at most is replicated just as well`, async (t) => {
    const server = await startTestServer(t);
    const proxy = await new TestProxy(server.socket, intercept).start();
    t.teardown(() => proxy.remove());
    const client = startClient(t, proxy.remote);
    const { replica, batches } = startReplica(client);
    await replica.ready;
    t.true(proxy.methods.includes(method));
    t.is(replica.lastTransactionId, undefined);

    const insert = client.transaction();
    insert.insert('Item', { name: 'a', tags: ['x', 'y'], note: 'n', options: { k: 'v', l: 'w' } });
    insert.insert('Item', { name: 'b' });
    await insert.commit();
    t.deepEqual(summary(batches[1]![0]).sort(), ['insert a', 'insert b']);
    await client
      .transaction()
      .mutate(
        'Item',
        [['name', '==', 'a']],
        [
          ['tags', 'delete', 'x'],
          ['options', 'delete', ['k']],
        ],
      )
      .update('Item', [['name', '==', 'a']], { note: undefined })
      .delete('Item', [['name', '==', 'b']])
      .commit();
    t.deepEqual(summary(batches[2]![0]).sort(), ['delete b', 'modify a note,options,tags']);
    t.like(batches[2]![0].find((change) => change.kind === 'modify')!.row, {
      tags: ['y'],
      options: new Map([['l', 'w']]),
    });

    const synced = once(replica, 'synced');
    proxy.cut();
    await synced;
    t.deepEqual(batches[3], [[], { initial: false, reload: true, txnId: undefined }]);
  });

  test(`conditions hold with ${method}, and can be changed`, async (t) => {
    const server = await startTestServer(t);
    const proxy = await new TestProxy(server.socket, intercept).start();
    t.teardown(() => proxy.remove());
    const client = startClient(t, proxy.remote);
    await client.whenConnected();
    const insert = client.transaction();
    for (let level = 0; level < 5; level++)
      insert.insert('Item', { name: `n${level}`, level, tags: [`t${level}`] });
    await insert.commit();
    const where = [
      ['level', '<', 1],
      ['tags', 'includes', ['t4']],
    ] as const;
    const { replica, batches } = startReplica(client, { Item: { where } });
    const names = () => [...replica.table('Item')].map((row) => row.name).sort();
    await replica.ready;
    t.deepEqual(names(), ['n0', 'n4']);
    await client
      .transaction()
      .update('Item', [['name', '==', 'n0']], { level: 9 })
      .commit();
    await client
      .transaction()
      .update('Item', [['name', '==', 'n1']], { level: 0 })
      .commit();
    t.deepEqual(names(), ['n1', 'n4']);
    t.deepEqual(
      batches.slice(1).flatMap(([changes]) => summary(changes)),
      ['delete n0', 'insert n1'],
    );
    await replica.setCondition('Item', [['level', '>=', 3]]);
    t.deepEqual(names(), ['n0', 'n3', 'n4']);
    await replica.setCondition('Item', []);
    t.is(replica.table('Item').size, 5);
    await until(replica, () => replica.synced);
  });
}
