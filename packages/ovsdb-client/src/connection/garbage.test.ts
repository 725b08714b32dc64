import { once } from 'node:events';
import { rmSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { startClient, startReplica, startTestServer } from '../testsupport/fixture.js';
import { makeDirectory } from '../testsupport/testServer.js';

const GARBAGE: Record<string, string | Buffer> = {
  'an HTTP answer': 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n',
  'a message that is none': '{"hello":"world"}',
  'a method that is no string': '{"method":5,"id":null,"params":[]}',
  'random bytes': Buffer.from([0, 255, 254, 1, 2, 3]),
  'deep nesting': '{"a":'.repeat(1000),
  'a reply nobody asked for, then garbage': '{"id":99,"result":[],"error":null}%',
  'a schema that is none':
    '{"id":0,"result":{},"error":null}{"id":1,"result":{},"error":null}{"id":2,"result":5,"error":null}',
  'half a message, then the end': '{"id":0,"res',
};

for (const [what, bytes] of Object.entries(GARBAGE)) {
  test(`a server that sends ${what} is left with a clear reason, and tried again later`, async (t) => {
    const directory = makeDirectory();
    const path = join(directory, 's');
    let connections = 0;
    const server = net.createServer((socket) => {
      connections += 1;
      socket.on('error', () => undefined);
      socket.end(bytes);
    });
    server.listen(path);
    t.teardown(() => {
      server.close();
      rmSync(directory, { recursive: true, force: true });
    });
    await once(server, 'listening');
    const client = startClient(t, `unix:${path}`);
    startReplica(client);
    for (let round = 0; round < 3; round++) {
      const [, reason] = await once(client, 'failed');
      t.regex((reason as Error).message, /the peer|database schema|no database Test/);
    }
    t.true(connections >= 3);
    t.is(client.state, 'backoff');
  });
}

/** Stands before a real server and garbles what it sends for a replica, as long as `garble` is set. */
class Garbler {
  readonly directory = makeDirectory();
  readonly path = join(this.directory, 's');
  garble: ((text: string) => string) | undefined;
  readonly server: net.Server;

  constructor(target: string) {
    this.server = net.createServer((client) => {
      const upstream = net.connect(target);
      client.pipe(upstream);
      upstream.on('data', (chunk) => client.write(this.garble ? this.garble(chunk.toString()) : chunk));
      for (const socket of [client, upstream]) {
        socket.on('error', () => undefined);
        socket.on('close', () => {
          client.destroy();
          upstream.destroy();
        });
      }
    });
  }
}

test('updates that cannot be are survived: the replica loads anew and loses nothing', async (t) => {
  const server = await startTestServer(t);
  const garbler = new Garbler(server.socket);
  garbler.server.listen(garbler.path);
  t.teardown(() => {
    garbler.server.close();
    rmSync(garbler.directory, { recursive: true, force: true });
  });
  const other = startClient(t, server.remote);
  const client = startClient(t, `unix:${garbler.path}`);
  const { replica, batches } = startReplica(client);
  await Promise.all([replica.ready, other.whenConnected()]);
  const reasons: string[] = [];
  client.on('disconnected', (reason) => reasons.push(reason.message));

  let count = 0;
  for (const [garble, message] of [
    [
      (text: string) => text.replace('"insert"', '"modify"'),
      /modified row .* of table Item, which it never sent/,
    ],
    [(text: string) => text.replace('"insert"', '"insult"'), /neither initial, insert, modify nor delete/],
    [(text: string) => text.replace(/"Item":\{"[^"]*"/, '"Item":{"row"'), /"row" for a UUID/],
    [(text: string) => text.replace(/"Item":\{/, '"Item":[{'), /closed a JSON/],
    [(text: string) => text.replace(/\{"Item".*\}\}\}\}/, '7'), /table updates are not a JSON object/],
  ] as const) {
    garbler.garble = (text) => (text.includes('update3') ? garble(text) : text);
    const disconnected = once(client, 'disconnected');
    const insert = other.transaction();
    insert.insert('Item', { name: `n${count++}`, count: 1 });
    await insert.commit();
    await disconnected;
    t.regex(reasons.at(-1)!, message);
    garbler.garble = undefined;
    while (replica.table('Item').size < count) await once(replica, 'change');
  }
  t.true(batches.at(-1)![1].reload);
});
