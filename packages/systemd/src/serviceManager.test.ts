import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { ServiceManager } from './serviceManager.js';

/** The other end is a real unix datagram socket, as systemd has one. Prints each datagram as JSON. */
const RECEIVER = `
import json, socket, sys
path = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind('\\0' + path[1:] if path[0] == '@' else path)
print('"bound"', flush=True)
while True:
    print(json.dumps(s.recv(4096).decode()), flush=True)
`;

class Receiver {
  readonly #child: ChildProcessByStdio<null, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcessByStdio<null, Readable, null>) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  static async at(t: ExecutionContext, path: string): Promise<Receiver> {
    const child = spawn('python3', ['-c', RECEIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.teardown(() => child.kill());
    const receiver = new Receiver(child);
    t.is(await receiver.next(), 'bound');
    return receiver;
  }

  async next(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the receiver ended');
    return JSON.parse(value);
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  async end(): Promise<void> {
    this.#child.kill();
    await once(this.#child, 'exit');
  }
}

function path(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'sd-notify-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  return join(directory, 'notify');
}

function log() {
  const lines: string[] = [];
  return {
    lines,
    warn: (details: object, text: string) => void lines.push(`${text} ${JSON.stringify(details)}`),
  };
}

async function open(t: ExecutionContext, env: NodeJS.ProcessEnv, into = log()): Promise<ServiceManager> {
  const manager = await ServiceManager.open(env, into);
  t.teardown(() => manager.close());
  return manager;
}

for (const [kind, address] of [
  ['path', (t: ExecutionContext) => path(t)],
  ['abstract', () => `@iovisor-test-${process.pid}`],
] as const)
  test(`what is said comes in order (${kind})`, async (t) => {
    const at = address(t);
    const receiver = await Receiver.at(t, at);
    const env: NodeJS.ProcessEnv = { NOTIFY_SOCKET: at, OTHER: 'stays' };
    const manager = await open(t, env);
    t.deepEqual(env, { OTHER: 'stays' }, 'no child process speaks for this one');
    manager.status('reading\ndatabases');
    manager.ready();
    manager.reloading();
    manager.ready();
    manager.stopping();
    t.is(await receiver.next(), 'STATUS=reading databases');
    t.is(await receiver.next(), 'READY=1');
    t.regex(await receiver.next(), /^RELOADING=1\nMONOTONIC_USEC=\d+$/);
    t.is(await receiver.next(), 'READY=1');
    t.is(await receiver.next(), 'STOPPING=1');
  });

test('a status that is said already is not said again', async (t) => {
  const at = path(t);
  const receiver = await Receiver.at(t, at);
  const manager = await open(t, { NOTIFY_SOCKET: at });
  manager.status('leads');
  manager.status('leads');
  manager.status('stands by');
  t.deepEqual([await receiver.next(), await receiver.next()], ['STATUS=leads', 'STATUS=stands by']);
});

test('the watchdog hears of this process while nothing is stuck', async (t) => {
  const at = path(t);
  const receiver = await Receiver.at(t, at);
  const into = log();
  const manager = await open(
    t,
    { NOTIFY_SOCKET: at, WATCHDOG_USEC: '60000', WATCHDOG_PID: `${process.pid}` },
    into,
  );
  let asked = 0;
  let stuck: string | undefined;
  manager.watch(() => {
    asked++;
    return stuck;
  });
  for (let beat = 0; beat < 3; beat++) t.is(await receiver.next(), 'WATCHDOG=1');
  stuck = 'the queue';
  // What was sent before is read; then three times nothing but the question.
  const before = asked;
  manager.status('mark');
  while ((await receiver.next()) !== 'STATUS=mark');
  while (asked < before + 3) await new Promise((resolve) => setTimeout(resolve, 5));
  manager.status('after');
  t.is(await receiver.next(), 'STATUS=after', 'no keep-alive between');
  t.true(into.lines.some((line) => line.includes('stuck') && line.includes('the queue')));
});

test('a watchdog that is meant for another process is not fed', async (t) => {
  const at = path(t);
  const receiver = await Receiver.at(t, at);
  const manager = await open(t, { NOTIFY_SOCKET: at, WATCHDOG_USEC: '3000', WATCHDOG_PID: '1' });
  manager.watch(() => undefined);
  manager.ready();
  t.is(await receiver.next(), 'READY=1');
});

test('a queue that is full does not block, and READY comes when there is room', async (t) => {
  const at = path(t);
  const receiver = await Receiver.at(t, at);
  receiver.signal('SIGSTOP');
  const manager = await open(t, { NOTIFY_SOCKET: at });
  for (let number = 0; number < 5000; number++) manager.status(`number ${number}`);
  manager.ready();
  receiver.signal('SIGCONT');
  const heard: string[] = [];
  do heard.push(await receiver.next());
  while (heard.at(-1) !== 'READY=1');
  t.is(heard.at(-2), 'STATUS=number 4999', 'the newest status, too');
  t.true(heard.length < 5000, 'and not every one between');
});

test('who does not listen any more is complained of once and hears again later', async (t) => {
  const at = path(t);
  const first = await Receiver.at(t, at);
  const into = log();
  const manager = await open(t, { NOTIFY_SOCKET: at }, into);
  await first.end();
  manager.status('one');
  manager.status('two');
  t.deepEqual(into.lines, ['the service manager does not hear {"failure":"ECONNREFUSED"}']);
  rmSync(at);
  const second = await Receiver.at(t, at);
  manager.status('three');
  t.is(await second.next(), 'STATUS=three');
});

test('without systemd, and with an address that is none, it does nothing', async (t) => {
  for (const env of [{}, { NOTIFY_SOCKET: '' }]) {
    const into = log();
    const manager = await open(t, env, into);
    manager.ready();
    manager.watch(() => t.fail() as undefined);
    t.deepEqual(into.lines, []);
  }
  const into = log();
  const manager = await open(t, { NOTIFY_SOCKET: 'relative' }, into);
  manager.ready();
  t.is(into.lines.length, 1);
  t.regex(into.lines[0]!, /"relative\\" is neither an absolute path/);
});
