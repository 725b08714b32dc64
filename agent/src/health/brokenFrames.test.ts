import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { temporaryDirectory } from '../testsupport/namespace.js';
import { HealthServer } from './index.js';

const header = (name: string, value: string) =>
  Buffer.concat(
    [0, name.length, name, value.length, value].map((part) =>
      typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part),
    ),
  );
/** A call that waits for its message. */
const HEADERS = Buffer.concat([
  Buffer.from([0x83, 0x86]), // POST, http
  header(':path', '/grpc.health.v1.Health/Check'),
  header('content-type', 'application/grpc'),
]);
/** Settings; the call; data longer than it may be. */
const TOO_LARGE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from('000000040000000000', 'hex'),
  Buffer.from([0, 0, HEADERS.length, 1, 4, 0, 0, 0, 1]),
  HEADERS,
  Buffer.from('004e20000000000001', 'hex'),
  Buffer.alloc(20_000),
]);

test.serial(
  'nothing is kept of a connection with a frame that is too large, once its client has gone',
  async (t) => {
    const directory = temporaryDirectory();
    const path = join(directory.path, 'health.sock');
    const health = new HealthServer({ kind: 'unix', path }, undefined, { keepaliveMs: 100, timeoutMs: 100 });
    t.teardown(() => {
      health.close();
      directory.remove();
    });
    await health.listen();
    const signal = AbortSignal.timeout(10_000);
    // That which listens, and those that it took.
    const sockets = () => readFileSync('/proc/self/net/unix', 'utf8').split(path).length - 1;
    const client = createConnection(path);
    let answer = '';
    client
      .on('error', () => {})
      .on('data', (data: Buffer) => {
        answer += data.toString('latin1');
      });
    await once(client, 'connect');
    client.write(TOO_LARGE);
    // GOAWAY
    while (!answer.includes('too large frame size')) await once(client, 'data', { signal });
    t.true(sockets() > 1, 'it would be seen');
    client.destroy();
    await once(client, 'close');
    while (sockets() > 1 && !signal.aborted) await delay(10);
    t.is(sockets(), 1);
  },
);
