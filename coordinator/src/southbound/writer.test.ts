import { once } from 'node:events';
import { Client, type TransactionError } from '@iovisor-ovn/ovsdb-client';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { startCentral } from '../testing/central.js';
import { leaderLock, SouthboundWriter, type Write } from './writer.js';

const log = pino({ level: 'silent' });

async function setUp(t: ExecutionContext) {
  const central = await startCentral({ northd: false });
  t.teardown(() => central.stop());
  const client = new Client({
    remotes: central.sb,
    database: 'OVN_Southbound',
    backoff: { minMs: 20, maxMs: 20 },
  });
  t.teardown(() => client.close());
  const lock = client.lock(leaderLock);
  const writer = new SouthboundWriter(client, log);
  lock.on('acquired', () => writer.setOpen(true));
  lock.on('lost', () => writer.setOpen(false));
  client.start();
  await once(lock, 'acquired');
  return { central, client, writer };
}

/** Queues a write; resolves with what it was settled with. */
function write(
  writer: SouthboundWriter,
  key: string,
  build: Write['build'],
): Promise<TransactionError | undefined> {
  return new Promise((settled) => writer.queue(key, { build, settled }));
}

const chassis =
  (name: string): Write['build'] =>
  (transaction) =>
    void transaction.insert('Chassis_Private', { name });

test('a write that the database refuses does not hold up those beside it', async (t) => {
  const { central, writer } = await setUp(t);
  const results = await Promise.all([
    write(writer, 'a', chassis('a')),
    write(writer, 'bad', (transaction) => void transaction.insert('Chassis', { name: 'no encaps' })),
    write(writer, 'invalid', (transaction) => void transaction.insert('Chassis_Private', { name: 7 })),
    write(writer, 'none', () => undefined),
    write(writer, 'b', chassis('b')),
  ]);
  t.deepEqual(
    results.map((error) => error !== undefined),
    [false, true, true, false, false],
  );
  const names = await central.sbctl('--bare', '--columns=name', 'list', 'Chassis_Private');
  t.deepEqual(names.split(/\s+/).sort(), ['a', 'b']);
  // Together, and then one by one.
  t.deepEqual(writer.counts.transactions, { committed: 2, refused: 3, retried: 0 });
  t.deepEqual(writer.counts.writes, { done: 3, refused: 2, retried: 0 });
  t.is(writer.counts.pending, 0);
});

test('what is queued while a transaction is in flight goes out in the next, the last of each key only', async (t) => {
  const { writer, client } = await setUp(t);
  const transactions = new Set<unknown>();
  const built: string[] = [];
  const noted =
    (name: string): Write['build'] =>
    (transaction) => {
      transactions.add(transaction);
      built.push(name);
      transaction.insert('Chassis_Private', { name });
    };
  const first = write(writer, 'first', noted('first'));
  await new Promise(setImmediate);
  writer.queue('same', { build: noted('replaced') });
  const rest = ['x', 'y'].map((name) => write(writer, name, noted(name)));
  await Promise.all([first, ...rest, write(writer, 'same', noted('kept'))]);
  t.is(transactions.size, 2);
  t.deepEqual(built.sort(), ['first', 'kept', 'x', 'y']);
  t.is(client.state, 'connected');
});

test('nothing is written without the lock; what waited is written when it is back', async (t) => {
  const { central, client, writer } = await setUp(t);
  const thief = new Client({ remotes: central.sb, database: 'OVN_Southbound' });
  t.teardown(() => thief.close());
  thief.start();
  await thief.whenConnected();
  await thief.lock(leaderLock).steal();
  const waiting = write(writer, 'a', chassis('a'));
  // Whatever the writer sent has been answered when this is.
  await new Promise(setImmediate);
  await client.call('echo', []);
  t.is(await central.sbctl('--bare', '--columns=name', 'list', 'Chassis_Private'), '');
  t.is(writer.counts.pending, 1);
  await thief.close();
  t.is(await waiting, undefined);
  t.like(writer.counts.writes, { done: 1, refused: 0 });
  t.is(await central.sbctl('--bare', '--columns=name', 'list', 'Chassis_Private'), 'a');
});

test('a write that a restart of the database interrupts is made anew', async (t) => {
  const { central, writer } = await setUp(t);
  central.signalServer('sb', 'SIGSTOP');
  const waiting = write(writer, 'a', (transaction) => {
    transaction.delete('Chassis_Private', [['name', '==', 'a']]);
    transaction.insert('Chassis_Private', { name: 'a' });
  });
  await new Promise(setImmediate);
  await central.stopServer('sb', 'SIGKILL');
  await central.startServer('sb');
  t.is(await waiting, undefined);
  t.true(writer.counts.writes.retried >= 1 && writer.counts.transactions.retried >= 1);
  t.like(writer.counts.writes, { done: 1, refused: 0 });
  t.is(await central.sbctl('--bare', '--columns=name', 'list', 'Chassis_Private'), 'a');
});

test('a write with patience goes with the next one, in the order they were queued, or when it is told to hurry', async (t) => {
  const { writer } = await setUp(t);
  const built: string[] = [];
  const patient = (key: string) =>
    new Promise<void>((resolve) => {
      const build: Write['build'] = (transaction) => {
        built.push(key);
        transaction.insert('Chassis_Private', { name: key });
      };
      writer.queue(key, { build, settled: () => resolve() }, 3_600_000);
    });
  const first = patient('patient');
  await new Promise(setImmediate);
  t.deepEqual(built, []);
  t.true(writer.isPending('patient'));
  const second = write(writer, 'now', (transaction) => {
    built.push('now');
    transaction.insert('Chassis_Private', { name: 'now' });
  });
  await Promise.all([first, second]);
  t.deepEqual(built, ['patient', 'now']);
  const third = patient('again');
  writer.hurry();
  await third;
  await new Promise(setImmediate);
  t.false(writer.isPending('again'));
});
