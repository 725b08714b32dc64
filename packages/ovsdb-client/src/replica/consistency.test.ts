import { once } from 'node:events';
import test from 'ava';
import type { Client } from '../client.js';
import type { GenericRow } from '../schema/rowCodec.js';
import { startClient, startReplica, until } from '../testsupport/fixture.js';
import { TestProxy } from '../testsupport/testProxy.js';
import { TEST_SCHEMA } from '../testsupport/testSchema.js';
import { freePort, TestServer, writeSchema } from '../testsupport/testServer.js';
import type { Mutation } from '../transaction/operation.js';

/** Reproducible chance: a number from 0 to `below` exclusive. */
function makeRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function sorted(rows: Iterable<object>): object[] {
  return ([...rows] as GenericRow[]).sort((a, b) => (a._uuid < b._uuid ? -1 : 1));
}

/** One transaction that inserts, changes or deletes something; columns of all kinds. */
async function changeSomething(client: Client, random: (below: number) => number): Promise<void> {
  const transaction = client.transaction();
  const where = [['count', '==', random(30)]] as const;
  const words = () =>
    Array.from({ length: random(4) }, () => `w${random(9)}`).filter((w, i, all) => all.indexOf(w) === i);
  const row = {
    count: random(30),
    weight: random(10) / 4,
    on: random(2) === 1,
    note: random(2) ? `n${random(5)}` : undefined,
    level: random(2) ? random(10) : undefined,
    tags: words(),
    numbers: new Set([random(5), random(50)]),
    options: Object.fromEntries(words().map((word) => [word, `v${random(3)}`])),
    one: random(2) ? { k: random(3) } : {},
    color: ['', 'red', 'green'][random(3)],
  };
  const mutations: Mutation[] = [
    ['tags', random(2) ? 'insert' : 'delete', words()],
    ['options', 'delete', words()],
    ['options', 'insert', { [`w${random(9)}`]: `v${random(3)}` }],
    ['numbers', 'insert', [random(50)]],
    ['count', '+=', random(3)],
  ];
  const choice = random(10);
  if (choice < 5) transaction.insert('Item', { name: `i${random(1e9)}`, ...row });
  else if (choice < 7) transaction.update('Item', where, row);
  else if (choice < 9) transaction.mutate('Item', where, mutations);
  else transaction.delete('Item', where);
  await transaction.commit();
}

test('whatever happens, in whatever way it is told, the replica has what the database has', async (t) => {
  t.timeout(180_000);
  const seed = Number(process.env.IOVISOR_STRESS_SEED ?? 2026);
  t.log(`seed ${seed}`);
  const random = makeRandom(seed);
  const server = new TestServer();
  t.teardown(() => server.remove());
  const schema = writeSchema(server.directory, TEST_SCHEMA);
  await server.createCluster(schema, `tcp:127.0.0.1:${await freePort()}`).start();
  const writer = startClient(t, server.remote);
  await writer.whenConnected();

  const lacking = [[], ['monitor_cond_since'], ['monitor_cond_since', 'monitor_cond']];
  const followers = [];
  for (const missing of lacking) {
    const intercept = (method: string) => (missing.includes(method) ? 'unknown method' : undefined);
    const proxy = await new TestProxy(server.socket, intercept).start();
    t.teardown(() => proxy.remove());
    const { replica, batches } = startReplica(
      startClient(t, proxy.remote, { backoff: { minMs: 1, maxMs: 5 } }),
    );
    replica.on('problem', (problem) => t.fail(JSON.stringify(problem)));
    await replica.ready;
    followers.push({ proxy, replica, batches, byTag: replica.table('Item').index('tags') });
  }
  for (let i = 0; i < 400; i++) {
    await changeSomething(writer, random);
    if (random(25) === 0) followers[random(3)]!.proxy.cut();
    if (i === 200) for (const { proxy } of followers) proxy.cut();
  }
  const mark = writer.transaction();
  mark.insert('Part', { label: 'never kept' });
  mark.insert('Item', { name: 'last' });
  await mark.commit();

  const [select] = await writer.transaction().select('Item', []).commit();
  const expected = new Map(select!.rows!.map((row) => [row._uuid, row]));
  t.true(expected.size > 20);
  for (const { replica, batches, byTag } of followers) {
    const hasLast = () => [...replica.table('Item')].some((row) => row.name === 'last');
    if (!replica.synced) await once(replica, 'synced');
    await until(replica, hasLast);
    t.deepEqual(sorted(replica.table('Item')), sorted(expected.values()));
    const told = new Map<string, object>();
    for (const change of batches.flatMap(([changes]) => changes)) {
      t.is(told.get(change.uuid), change.old, 'the old row is the one told before');
      if (change.row) told.set(change.uuid, change.row);
      else told.delete(change.uuid);
    }
    t.deepEqual(sorted(told.values()), sorted(expected.values()), 'the changes told add up to the same rows');
    for (let word = 0; word < 9; word++) {
      const tagged = [...expected.values()].filter((row) => (row.tags as string[]).includes(`w${word}`));
      t.deepEqual(sorted(byTag.all(`w${word}`)), sorted(tagged));
    }
  }
  t.true(followers.slice(1).every(({ batches }) => batches.some(([, meta]) => meta.reload)));
});
