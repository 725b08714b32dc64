import { once } from 'node:events';
import test from 'ava';
import { startClient, startTestServer } from '../testsupport/fixture.js';

test('a lock goes from one client to the next, and guards transactions', async (t) => {
  const server = await startTestServer(t);
  const [first, second] = [startClient(t, server.remote), startClient(t, server.remote)];
  await Promise.all([first.whenConnected(), second.whenConnected()]);
  const lock1 = first.lock('leader');
  t.is(first.lock('leader'), lock1);
  await once(lock1, 'acquired');
  t.true(lock1.held);
  const lock2 = second.lock('leader');
  await second.call('echo', []);
  t.false(lock2.held);

  const guarded = second.transaction().assertLock('leader');
  guarded.insert('Item', { name: 'x' });
  const error = await t.throwsAsync(guarded.commit(), { name: 'TransactionError' });
  t.like(error, { code: 'not owner', operation: { index: 0, op: 'assert', table: undefined } });

  const acquired = once(lock2, 'acquired');
  await lock1.release();
  t.false(lock1.held);
  await acquired;
  await second.transaction().assertLock('leader').commit();
});

test('a lock can be stolen, and comes back when the thief gives it up', async (t) => {
  const server = await startTestServer(t);
  const [first, second] = [startClient(t, server.remote), startClient(t, server.remote)];
  await Promise.all([first.whenConnected(), second.whenConnected()]);
  const lock1 = first.lock('leader');
  await once(lock1, 'acquired');
  const lock2 = second.lock('leader');
  const lost = once(lock1, 'lost');
  await lock2.steal();
  t.true(lock2.held);
  await lost;
  t.false(lock1.held);
  await lock2.steal();
  const back = once(lock1, 'acquired');
  await lock2.release();
  await back;
  await t.throwsAsync(lock2.steal(), { message: /released/ });
});

test('a restart of the server loses the lock and gets it again', async (t) => {
  const server = await startTestServer(t);
  const client = startClient(t, server.remote);
  const lock = client.lock('leader');
  await once(lock, 'acquired');
  const lost = once(lock, 'lost');
  await server.kill();
  await lost;
  await t.throwsAsync(lock.steal(), { name: 'ConnectionLostError' });
  const acquired = once(lock, 'acquired');
  await server.start();
  await acquired;
  t.true(lock.held);
  await server.kill();
  await lock.release();
});

test('a lock name has to be an OVSDB id', async (t) => {
  const server = await startTestServer(t);
  t.throws(() => startClient(t, server.remote).lock('a-b'), { message: /no valid lock name/ });
});
