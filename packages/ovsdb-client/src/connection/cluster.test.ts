import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import type { Client } from '../client.js';
import { startClient, startReplica, until } from '../testsupport/fixture.js';
import { TEST_SCHEMA } from '../testsupport/testSchema.js';
import { freePort, TestServer, writeSchema } from '../testsupport/testServer.js';
import { TransactionError } from '../transaction/transactionError.js';
import { ConnectionLostError } from './errors.js';

async function startCluster(t: ExecutionContext): Promise<TestServer[]> {
  const servers = [new TestServer(), new TestServer(), new TestServer()];
  t.teardown(() => Promise.all(servers.map((server) => server.remove())));
  const [first, ...others] = servers;
  const address = `tcp:127.0.0.1:${await freePort()}`;
  await first!.createCluster(writeSchema(first!.directory, TEST_SCHEMA), address).start();
  for (const server of others)
    await server.joinCluster('Test', `tcp:127.0.0.1:${await freePort()}`, address).start();
  // A follower is usable when it has joined.
  for (const server of others) {
    const probe = startClient(t, server.remote, { leaderOnly: false });
    await probe.whenConnected();
    await probe.close();
  }
  return servers;
}

/** Writes item after item; tries again whatever was refused or may have got lost; the name makes that harmless. */
async function writeItem(client: Client, name: string): Promise<void> {
  for (;;) {
    await client.whenConnected();
    const transaction = client.transaction();
    transaction.wait({
      table: 'Item',
      where: [['name', '==', name]],
      columns: ['name'],
      rows: [],
      until: '==',
      timeoutMs: 0,
    });
    transaction.insert('Item', { name });
    try {
      await transaction.commit();
      return;
    } catch (error) {
      if (error instanceof TransactionError && error.isTryAgain) return;
      const mayRetry = error instanceof ConnectionLostError || error instanceof TransactionError;
      if (!mayRetry) throw error;
    }
  }
}

test('the leader of three is killed under a stream of transactions: none is lost, none is done twice', async (t) => {
  const servers = await startCluster(t);
  const remotes = servers.map((server) => server.remote).join(',');
  const client = startClient(t, remotes);
  const { replica, batches } = startReplica(client);
  await replica.ready;
  const leaderOf = (remote: string | undefined) => servers.find((server) => server.remote === remote)!;
  const killed = leaderOf(client.remote);
  t.regex(killed.appctl('cluster/status', 'Test'), /Role: leader/);

  const total = 200;
  let kill: Promise<void> | undefined;
  for (let i = 0; i < total; i++) {
    if (i === total / 2) kill = killed.kill('SIGKILL');
    await writeItem(client, `item${i}`);
  }
  await kill;
  await until(replica, () => replica.synced && replica.table('Item').size === total);
  t.not(client.remote, killed.remote);
  t.regex(leaderOf(client.remote).appctl('cluster/status', 'Test'), /Role: leader/);
  const inserted = batches.flatMap(([changes]) => changes.map((change) => `${change.kind} ${change.uuid}`));
  t.is(new Set(inserted).size, total);
  t.is(inserted.length, total, 'each row was emitted once, as an insert');
  t.false(
    batches.some(([, meta]) => meta.reload),
    'the new leader resumed from the last transaction',
  );
  t.is(new Set([...replica.table('Item')].map((row) => row.name)).size, total);
});

test('a follower is left by who wants the leader, and good enough for who does not', async (t) => {
  const servers = await startCluster(t);
  const follower = servers.find((server) => !/Role: leader/.test(server.appctl('cluster/status', 'Test')))!;
  const strict = startClient(t, follower.remote);
  const [, reason] = await once(strict, 'failed');
  t.regex((reason as Error).message, /not the leader of its cluster/);
  const easy = startClient(t, follower.remote, { leaderOnly: false });
  const [info] = await once(easy, 'connected');
  t.like(info, { server: { model: 'clustered', leader: false, connected: true } });
  await writeItem(easy, 'through a follower');

  // Cut off from the majority it is of no use to anyone.
  const lost = once(easy, 'disconnected');
  await Promise.all(servers.filter((server) => server !== follower).map((server) => server.kill()));
  const [why] = await lost;
  t.regex((why as Error).message, /cut off from its cluster/);
});

test('a leader that hands over is left for the new one', async (t) => {
  const servers = await startCluster(t);
  const client = startClient(t, servers.map((server) => server.remote).join(','));
  await client.whenConnected();
  const before = client.remote;
  const leader = servers.find((server) => server.remote === before)!;
  const disconnected = once(client, 'disconnected');
  leader.appctl('cluster/leave', 'Test');
  const [reason] = await disconnected;
  t.regex((reason as Error).message, /not the leader|cut off|no database/);
  await client.whenConnected();
  t.not(client.remote, before);
});
