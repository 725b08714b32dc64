import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
import { Hover } from '../hover.js';
import { RawClient } from '../testsupport/client.js';
import { FakeDevices, silent } from '../testsupport/fakeDevices.js';
import { RecordingEngine } from '../testsupport/recordingEngine.js';
import { GobDecoder, type GobStruct } from './gobDecoder.js';
import { packetOutEncoder } from './gobEncoder.js';

const FRAME = Buffer.from('ffffffffffff0200000000010806', 'hex');
const PACKET = {
  module: 0,
  port: 2,
  length: 14,
  reason: 7,
  metadata: [1, 2, 3] as [number, number, number],
  data: FRAME,
};

async function serve(t: ExecutionContext) {
  const engine = new RecordingEngine();
  const hover = new Hover({
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    tls: undefined,
    engine: async () => engine,
    devices: new FakeDevices(),
    reserved: () => undefined,
    log: silent,
  });
  await hover.listen();
  t.teardown(() => hover.close());
  const client = new RawClient({ host: '127.0.0.1', port: hover.port });
  await client.json('POST', '/modules/', { module_type: 'bpf', config: { code: 'c' } });
  return { engine, hover, client };
}

/** A controller as Go's would be: listens, and speaks gob. */
async function listen(t: ExecutionContext) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const address = `127.0.0.1:${(server.address() as { port: number }).port}`;
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  return { address, accepted, server };
}

async function read(socket: Socket, decoder: GobDecoder): Promise<GobStruct> {
  for (;;) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    const [value] = decoder.push(chunk);
    if (value !== undefined) return value;
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

test('gob: packets in, packets out, wrong ones passed over', async (t) => {
  const { engine, client } = await serve(t);
  const { address, accepted } = await listen(t);
  const { status, text, headers } = await client.send('POST', '/controllers/', { addr: address });
  t.deepEqual([status, text, headers['content-type']], [200, '', undefined]);
  const [socket] = await accepted;
  engine.emit('packetIn', PACKET);
  const decoder = new GobDecoder();
  const Md = { Port_id: 2n, Packet_len: 14n, Reason: 7n, Metadata: [1n, 2n, 3n] };
  t.deepEqual(await read(socket, decoder), { Md, Data: FRAME });
  const encoder = packetOutEncoder();
  const packet = { Module_id: 0, Port_id: 1, Sense: 0, Data: FRAME };
  for (const wrong of [{ Module_id: 9 }, { Sense: 2 }, { Data: Buffer.alloc(3) }, {}, { Sense: 1 }])
    socket.write(encoder.encode({ ...packet, ...wrong }));
  await until(() => engine.sent.length === 2);
  const sent = { module: 0, port: 1, data: FRAME };
  t.deepEqual(engine.sent, [
    { ...sent, sense: 'ingress' },
    { ...sent, sense: 'egress' },
  ]);
});

test('nobody there: 400, and the controller before stays; a newer one takes over', async (t) => {
  const { engine, client } = await serve(t);
  const first = await listen(t);
  await client.json('POST', '/controllers/', { addr: first.address });
  const [one] = await first.accepted;
  for (const addr of ['127.0.0.1:1', 'nonsense', '', 'unix:/x']) {
    const { status, text } = await client.send('POST', '/controllers/', { addr });
    t.deepEqual([status, text], [400, `Error connecting to controller: ${addr}\n`]);
  }
  engine.emit('packetIn', PACKET);
  await read(one, new GobDecoder());
  const second = await listen(t);
  const closed = once(one, 'close');
  await client.json('POST', '/controllers/', { addr: second.address });
  one.resume();
  await closed;
  const [two] = await second.accepted;
  engine.emit('packetIn', PACKET);
  t.like(await read(two, new GobDecoder()), { Data: FRAME });
});

test('a controller that is lost, or speaks nonsense, harms nothing', async (t) => {
  const { engine, hover, client } = await serve(t);
  for (const farewell of [Buffer.from('f0', 'hex'), Buffer.from('02ff88', 'hex')]) {
    const { address, accepted } = await listen(t);
    await client.json('POST', '/controllers/', { addr: address });
    const [socket] = await accepted;
    socket.on('error', () => undefined).resume();
    const closed = once(socket, 'close');
    socket.write(farewell);
    await closed;
  }
  const before = hover.controllers.missed;
  engine.emit('packetIn', PACKET);
  t.is(hover.controllers.missed, before + 1);
  const { address, accepted } = await listen(t);
  await client.json('POST', '/controllers/', { addr: address });
  const [socket] = await accepted;
  socket.resetAndDestroy();
  await until(() => {
    const missed = hover.controllers.missed;
    engine.emit('packetIn', PACKET);
    return hover.controllers.missed > missed;
  });
  t.is((await client.send('GET', '/modules/')).status, 200);
});

test('the same as JSON on a WebSocket', async (t) => {
  const { engine, hover } = await serve(t);
  const socket = new WebSocket(`ws://127.0.0.1:${hover.port}/controllers/ws`);
  await once(socket, 'open');
  engine.emit('packetIn', PACKET);
  const next = async () => JSON.parse(String((await once(socket, 'message'))[0])) as unknown;
  const Md = { Module_id: 0, Port_id: 2, Packet_len: 14, Reason: 7, Metadata: [1, 2, 3] };
  t.deepEqual(await next(), { Md, Data: FRAME.toString('base64') });
  const wrong: [message: string, wanted: RegExp][] = [
    ['nonsense', /JSON/],
    ['[]', /object/],
    ['{"Module_id":-1}', /Module_id/],
    ['{"Module_id":"0"}', /Module_id/],
    ['{"Data":"!"}', /base64/],
    ['{"Data":"AAAA"}', /3 bytes/],
    [`{"Sense":2,"Data":"${FRAME.toString('base64')}"}`, /Sense/],
  ];
  for (const [message, wanted] of wrong) {
    socket.send(message);
    t.regex(((await next()) as { Error: string }).Error, wanted);
  }
  socket.send(JSON.stringify({ module_id: 0, PORT_ID: 3, Sense: 1, Data: FRAME.toString('base64') }));
  await until(() => engine.sent.length === 1);
  t.deepEqual(engine.sent, [{ module: 0, port: 3, sense: 'egress', data: FRAME }]);
  const newer = new WebSocket(`ws://127.0.0.1:${hover.port}/controllers/ws`);
  const closed = once(socket, 'close');
  await once(newer, 'open');
  await closed;
  const gone = once(newer, 'close');
  newer.terminate();
  await gone;
});

test('a WebSocket of a web page, or elsewhere, is refused', async (t) => {
  const { hover } = await serve(t);
  const cases: [path: string, options: object, status: number][] = [
    ['/controllers/ws', { origin: 'http://example.org' }, 403],
    ['/controllers/ws', { headers: { Host: 'example.org' } }, 403],
    ['/controllers/', {}, 404],
    ['/', {}, 404],
  ];
  for (const [path, options, status] of cases) {
    const socket = new WebSocket(`ws://127.0.0.1:${hover.port}${path}`, options);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    t.is(response.statusCode, status, path);
    socket.on('error', () => undefined).terminate();
  }
});
