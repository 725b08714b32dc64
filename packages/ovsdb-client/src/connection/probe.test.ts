import { once } from 'node:events';
import { Duplex } from 'node:stream';
import test from 'ava';
import { startClient, startTestServer } from '../testsupport/fixture.js';
import { TestProxy } from '../testsupport/testProxy.js';
import { RpcConnection } from './rpcConnection.js';

test('a server that hangs is given up after two probe intervals, and taken again when it is back', async (t) => {
  const server = await startTestServer(t);
  const client = startClient(t, server.remote, { probeIntervalMs: 100 });
  await client.whenConnected();
  const disconnected = once(client, 'disconnected');
  server.signal('SIGSTOP');
  const [reason] = await disconnected;
  t.regex((reason as Error).message, /did not answer the inactivity probe/);
  const [, failed] = await once(client, 'failed');
  t.regex((failed as Error).message, /did not answer within 0\.2 s|inactivity probe/);
  const connected = once(client, 'connected');
  server.signal('SIGCONT');
  await connected;
});

test('the interval can be another one while the connection stands', async (t) => {
  const server = await startTestServer(t);
  const client = startClient(t, server.remote, { probeIntervalMs: 600_000 });
  await client.whenConnected();
  server.signal('SIGSTOP');
  const disconnected = once(client, 'disconnected');
  client.setProbeInterval(50);
  await disconnected;
  // Also for the attempts that follow.
  const [, failed] = await once(client, 'failed');
  t.regex((failed as Error).message, /did not answer within 0\.1 s|inactivity probe/);
  client.setProbeInterval(0);
  server.signal('SIGCONT');
  await client.whenConnected();
  server.signal('SIGSTOP');
  client.on('disconnected', () => t.fail());
  await new Promise((resolve) => setTimeout(resolve, 300));
  t.is(client.state, 'connected');
  client.removeAllListeners('disconnected');
  server.signal('SIGCONT');
});

test('a silent server that answers probes is kept', async (t) => {
  const server = await startTestServer(t);
  let probes = 0;
  let enough: () => void;
  const probed = new Promise<void>((resolve) => {
    enough = resolve;
  });
  const proxy = await new TestProxy(server.socket, (method) => {
    if (method === 'echo' && ++probes === 5) enough();
    return undefined;
  }).start();
  t.teardown(() => proxy.remove());
  const client = startClient(t, proxy.remote, { probeIntervalMs: 50 });
  client.on('disconnected', () => t.fail());
  await client.whenConnected();
  await probed;
  t.is(client.state, 'connected');
  client.removeAllListeners('disconnected');
});

test('the probes of the server are answered with what they carried', async (t) => {
  const [here, there] = duplexPair();
  const connection = new RpcConnection(here, 0);
  const reply = once(there, 'data');
  there.write('{"method":"echo","params":["x",1],"id":"probe"}');
  const [bytes] = await reply;
  t.deepEqual(JSON.parse(String(bytes)), { id: 'probe', result: ['x', 1], error: null });
  connection.close(new Error('done'));
  t.is((await connection.closed).message, 'done');
});

/** Two ends of a connection. */
function duplexPair(): [Duplex, Duplex] {
  const ends: Duplex[] = [];
  for (const other of [1, 0]) {
    ends.push(
      new Duplex({
        read: () => undefined,
        write: (chunk, _encoding, done) => {
          ends[other]!.push(chunk);
          done();
        },
      }),
    );
  }
  return [ends[0]!, ends[1]!];
}
