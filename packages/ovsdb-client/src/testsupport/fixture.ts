import { once } from 'node:events';
import type { ExecutionContext } from 'ava';
import { Client, type ClientOptions } from '../client.js';
import type { Change, ChangeMeta } from '../replica/change.js';
import { Replica, type ReplicaOptions } from '../replica/replica.js';
import { TEST_SCHEMA, type TestTables } from './testSchema.js';
import { TestServer, writeSchema } from './testServer.js';

/** A started server with an empty Test database, removed after the test. */
export async function startTestServer(t: ExecutionContext): Promise<TestServer> {
  const server = new TestServer();
  t.teardown(() => server.remove());
  return server.createDatabase(writeSchema(server.directory, TEST_SCHEMA)).start();
}

/** A started client with short back-off, closed after the test. */
export function startClient(
  t: ExecutionContext,
  remotes: string,
  options: Partial<ClientOptions> = {},
): Client {
  const client = new Client({ remotes, database: 'Test', backoff: { minMs: 20, maxMs: 100 }, ...options });
  t.teardown(() => client.close());
  client.start();
  return client;
}

export type Batch = readonly [changes: readonly Change<TestTables>[], meta: ChangeMeta];

/** A started replica of the Test database that keeps what it emits. */
export function startReplica(
  client: Client,
  tables: ReplicaOptions<TestTables>['tables'] = { Item: {}, Part: {} },
): { replica: Replica<TestTables>; batches: Batch[] } {
  const replica = new Replica<TestTables>(client, { tables });
  const batches: Batch[] = [];
  replica.on('change', (changes, meta) => batches.push([changes, meta]));
  replica.start();
  return { replica, batches };
}

/** Resolves as soon as `holds` does; it is asked again after each change of the replica. */
export async function until(replica: Replica<TestTables>, holds: () => boolean): Promise<void> {
  while (!holds()) await Promise.race([once(replica, 'change'), once(replica, 'synced')]);
}

/** The changes in short form. */
export function summary(changes: readonly Change<TestTables>[]): string[] {
  return changes.map((change) => {
    const row = (change.row ?? change.old)!;
    const name = 'name' in row ? row.name : row.label;
    return `${change.kind} ${name}${change.kind === 'modify' ? ` ${[...change.columns].sort().join(',')}` : ''}`;
  });
}
