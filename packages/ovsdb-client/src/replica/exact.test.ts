import test from 'ava';
import { byUuid } from '../schema/condition.js';
import { startClient, startReplica, startTestServer, until } from '../testsupport/fixture.js';

test('integers of 64 bits are read and written exactly in the columns that want it, and reported in others', async (t) => {
  const server = await startTestServer(t);
  const client = startClient(t, server.remote);
  await client.whenConnected();
  const largest = 2n ** 63n - 1n;
  const insert = client.transaction();
  insert.insert('Item', { name: 'a', count: largest - 1n, numbers: [1n, -(2n ** 63n), 2n ** 53n + 1n] });
  await insert.commit();

  const { replica } = startReplica(client, { Item: { exact: ['count', 'numbers'] } });
  const plain = startReplica(client, { Item: {} });
  const problems: string[] = [];
  plain.replica.on('problem', (problem) => problems.push(problem.message));
  await Promise.all([replica.ready, plain.replica.ready]);
  const values = () => [...replica.table('Item')].map(({ count, numbers }): unknown => [count, numbers])[0];
  t.deepEqual(values(), [largest - 1n, [-(2n ** 63n), 1, 2n ** 53n + 1n]]);
  t.is([...plain.replica.table('Item')][0]!.count, 0);
  t.regex(problems.join(), /9223372036854775806.*2\^53/);

  const [item] = replica.table('Item');
  await client
    .transaction()
    .update('Item', [byUuid(item!._uuid)], { count: largest })
    .commit();
  await until(replica, () => [...replica.table('Item')][0]!.count !== item!.count);
  t.deepEqual(values(), [largest, [-(2n ** 63n), 1, 2n ** 53n + 1n]]);
});
