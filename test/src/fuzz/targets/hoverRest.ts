import { once } from 'node:events';
import { request } from 'node:http';
import net from 'node:net';
import { FakeDevices, Hover, RecordingEngine } from '@iovisor-ovn/agent/testing';
import { Random } from '../random.js';
import { mutate } from './mutate.js';
import { Tally, type Target } from './target.js';

type Json = unknown;

const often = ['GET', 'POST', 'PUT', 'DELETE'];

const names = [
  'm:00000001',
  'm:00000002',
  'm:00000009',
  'b:br0',
  'i:veth1',
  'i:lo',
  '__proto__',
  '..',
  '%2e%2e',
  '%',
  'é',
  'x'.repeat(5000),
  '0',
  '-1',
  'null',
  '',
];
const parts = [
  'modules',
  'links',
  'tables',
  'entries',
  'external_interfaces',
  'rules',
  't',
  '0x1',
  '1',
  'policies',
  'controller',
  'healthz',
  '*',
];
const keys = [
  'module_type',
  'display_name',
  'tags',
  'config',
  'code',
  'id',
  'from',
  'to',
  'key',
  'value',
  'permissions',
  'from-id',
  'to-id',
  '__proto__',
  'constructor',
];
const code = 'static int handle_rx(void *skb, struct metadata *md) { return 0; }';

export const hoverTarget: Target = {
  name: 'hover',
  what: 'requests by a grammar, and bytes that are none, at the Hover API: each is answered, and no answer is an accident of ours',
  cases: 100_000,
  run: async ({ seed, cases, stop = () => false }) => {
    const tally = new Tally();
    const random = new Random(seed);
    const wrong = (error: unknown) => tally.fail(`thrown: ${(error as Error).stack}`);
    process.on('uncaughtException', wrong).on('unhandledRejection', wrong);
    const hover = openHover(tally);
    await hover.listen();
    try {
      while (tally.cases < cases && !stop() && !tally.isFull) {
        tally.cases++;
        if (random.chance(0.1)) await garbage(random, hover.port, tally);
        else await ask(random, hover.port, tally);
      }
      await last(hover.port, tally);
    } finally {
      await hover.close();
      process.off('uncaughtException', wrong).off('unhandledRejection', wrong);
    }
    return tally;
  },
};

/** The Hover API, without a kernel; what goes wrong in it is a failure. */
export function openHover(tally: Tally): Hover {
  const devices = new FakeDevices();
  devices.set(1, 'lo');
  devices.set(11, 'veth1');
  devices.set(5, 'br0', { kind: 'bridge' });
  const accident = (details: object, text = '') => {
    const whole = JSON.stringify(details);
    if (/TypeError|RangeError|ReferenceError/.test(whole)) tally.fail(`${text}: ${whole}`);
  };
  return new Hover({
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    tls: undefined,
    engine: async () => new RecordingEngine(),
    devices,
    reserved: () => undefined,
    log: { debug() {}, info() {}, warn: accident, error: accident },
  } as ConstructorParameters<typeof Hover>[0]);
}

function value(random: Random, depth = 0): Json {
  const simple: Json[] = [
    0,
    -1,
    1e308,
    null,
    true,
    '',
    'bpf',
    'bridge',
    'switch',
    code,
    'x'.repeat(random.int(2000)),
    '\u0000',
    ...names,
  ];
  if (depth > 3 || random.chance(0.6)) return random.pick(simple);
  if (random.chance(0.3)) return Array.from({ length: random.int(4) }, () => value(random, depth + 1));
  return Object.fromEntries(
    Array.from({ length: random.int(5) }, () => [random.pick(keys), value(random, depth + 1)]),
  );
}

function bodyOf(random: Random): string {
  const made = random.weighted<() => Json>([
    [3, () => ({ module_type: 'bpf', display_name: 'x', config: { code } })],
    [3, () => ({ from: random.pick(names), to: random.pick(names) })],
    [2, () => ({ key: random.pick(['1', '0x1', '{ 1 }', '']), value: random.pick(['2', '-', '0xg']) })],
    [4, () => value(random)],
  ])();
  const text = JSON.stringify(made) ?? '';
  return random.chance(0.2) ? mutate(random, Buffer.from(text)).toString('latin1') : text;
}

function pathOf(random: Random): string {
  const known = random.pick([
    '/modules/',
    '/links/',
    '/modules/m:00000001',
    '/modules/m:00000001/tables/',
    '/modules/m:00000001/tables/t/entries/',
    '/external_interfaces/',
    '/links/l:00000001',
  ]);
  if (random.chance(0.8)) return known + (random.chance(0.2) ? encodeURIComponent(random.pick(names)) : '');
  const some = Array.from({ length: 1 + random.int(6) }, () =>
    random.chance(0.5) ? random.pick(parts) : random.pick(names),
  );
  return `/${some.map((part) => (random.chance(0.7) ? encodeURIComponent(part) : part)).join('/')}`.replace(
    /[^\x21-\x7e]/g,
    '_',
  );
}

async function ask(random: Random, port: number, tally: Tally): Promise<void> {
  const method = random.pick([...often, ...often, ...often, 'PATCH', 'OPTIONS', 'HEAD', 'TRACE']);
  const path = pathOf(random);
  const body = random.chance(0.7) ? bodyOf(random) : '';
  const headers = {
    'content-type': random.pick(['application/json', 'text/plain', 'x']),
    'content-length': Buffer.byteLength(body),
  };
  try {
    const { status, text } = await send(port, method, path, body, headers);
    tally.saw(`${method} ${status}`);
    if (text.startsWith('Internal error') || status >= 500)
      tally.fail(`${status} ${text} to ${method} ${path} ${body}`);
  } catch (error) {
    tally.fail(`no answer to ${method} ${path} ${body}: ${(error as Error).message}`);
  }
}

function send(
  port: number,
  method: string,
  path: string,
  body: string,
  headers: Record<string, string | number>,
) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text })).on('error', reject);
    });
    asked
      .setTimeout(10_000, () => asked.destroy(new Error('10 s')))
      .on('error', reject)
      .end(body);
  });
}

/** Bytes that are no request, or only nearly. */
async function garbage(random: Random, port: number, tally: Tally): Promise<void> {
  const body = bodyOf(random);
  const whole = `POST ${pathOf(random)} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${body.length}\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => undefined).resume();
  socket.end(mutate(random, Buffer.from(whole)));
  const late = setTimeout(() => socket.destroy(), 1000);
  await once(socket, 'close').catch(() => undefined);
  clearTimeout(late);
  tally.saw('garbage');
}

/** It goes on as ever. */
async function last(port: number, tally: Tally): Promise<void> {
  const { status, text } = await send(port, 'GET', '/modules/', '', {});
  if (status !== 200) tally.fail(`in the end: ${status} ${text}`);
  else JSON.parse(text);
}
