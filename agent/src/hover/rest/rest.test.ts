import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { TlsFollower, type TlsPaths } from '@iovisor-ovn/endpoint';
import { material, TestAuthority } from '@iovisor-ovn/endpoint/testing';
import test, { type ExecutionContext } from 'ava';
import { Hover, type HoverOptions } from '../hover.js';
import { RawClient } from '../testsupport/client.js';
import { FakeDevices, silent } from '../testsupport/fakeDevices.js';
import { RecordingEngine } from '../testsupport/recordingEngine.js';

const CODE =
  'static int handle_rx(void *skb, struct metadata *md) { return md->in_ifc < 2 && 1 > 0 ? RX_OK : 0; }';

async function serve(t: ExecutionContext, more: Partial<HoverOptions> = {}) {
  const engine = new RecordingEngine();
  const devices = new FakeDevices();
  devices.set(1, 'lo');
  devices.set(11, 'veth1');
  const hover = new Hover({
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    tls: undefined,
    engine: async () => engine,
    devices,
    reserved: () => undefined,
    log: silent,
    ...more,
  });
  await hover.listen();
  t.teardown(() => hover.close());
  const client = new RawClient({ host: '127.0.0.1', port: hover.port });
  return { engine, devices, hover, client };
}

test('a module, from its making to its end, to the byte', async (t) => {
  const { client, devices } = await serve(t);
  devices.set(5, 'br0', { kind: 'bridge' });
  const bridge =
    '{"module_type":"bridge","display_name":"br0","tags":[],"config":{},"id":"b:br0","permissions":"0400"}';
  t.is((await client.send('GET', '/modules/')).text, `[${bridge}]\n`);
  const made = await client.send('POST', '/modules/', {
    module_type: 'bpf',
    display_name: 'Switch',
    config: { code: CODE },
  });
  const code = JSON.stringify(CODE)
    .replaceAll('<', '\\u003c')
    .replaceAll('>', '\\u003e')
    .replaceAll('&', '\\u0026');
  const entry = (tags: string) =>
    `{"module_type":"bpf","display_name":"Switch","tags":${tags},"config":{"code":${code}},"id":"m:00000001","permissions":"0600"}`;
  t.is(made.text, `${entry('null')}\n`);
  t.is(made.status, 200);
  t.is(made.headers['content-type'], 'application/json');
  t.is(made.headers['access-control-allow-origin'], undefined);
  // Go's client sends GET and DELETE with a body.
  t.is((await client.send('GET', '/modules/m:00000001', {})).text, made.text);
  t.is((await client.send('GET', '/modules/m%3A00000001?x=/')).text, made.text);
  t.is((await client.send('GET', '/modules/b:br0')).text, `${bridge}\n`);
  t.is((await client.send('GET', '/modules/')).text, `[${bridge},${entry('null')}]\n`);
  const put = { display_name: 'Switch', tags: ['x'], config: { code: CODE } };
  t.is((await client.send('PUT', '/modules/m:00000001', put)).text, `${entry('["x"]')}\n`);
  for (const config of [{ code: 'other' }, {}, undefined]) {
    const { status, text } = await client.send('PUT', '/modules/m:00000001', { display_name: 'no', config });
    t.deepEqual([status, text], [400, 'BPF code update not supported\n']);
  }
  t.is((await client.send('GET', '/modules/m:00000001')).text, `${entry('["x"]')}\n`, 'a PUT that failed');
  const gone = await client.send('DELETE', '/modules/m:00000001', {});
  t.deepEqual([gone.status, gone.text, gone.headers['content-type']], [200, '', undefined]);
  const again = await client.send('DELETE', '/modules/m:00000001', {});
  t.deepEqual([again.status, again.text], [404, '404 page not found\n']);
  t.is(again.headers['content-type'], 'text/plain; charset=utf-8');
});

test('a type that names nothing behind its slash is shown without', async (t) => {
  const { client } = await serve(t);
  for (const [asked, shown] of [
    ['bpf/', 'bpf'],
    ['bpf/forward', 'bpf/forward'],
    ['bpf/a/b', 'bpf/a/b'],
  ] as const) {
    const module = { module_type: asked, config: { code: CODE } };
    t.is((await client.json<{ module_type: string }>('POST', '/modules/', module)).module_type, shown);
  }
});

test('tables and their entries', async (t) => {
  const { client } = await serve(t);
  const { id } = await client.json('POST', '/modules/', { module_type: 'bpf', config: { code: CODE } });
  const tables = `/modules/${id}/tables/`;
  const table =
    '{"fd":4,"key_desc":"\\"int\\"","key_size":4,"leaf_desc":"\\"int\\"","leaf_size":4,"name":"t"}';
  t.is((await client.send('GET', tables)).text, `[${table}]\n`);
  t.is((await client.send('GET', `${tables}t`)).text, `${table}\n`);
  t.is((await client.send('GET', `${tables}t/entries/`)).text, '[]\n');
  const entries = `${tables}t/entries/`;
  t.is((await client.send('POST', entries, { Key: '1', VALUE: '{2}' })).text, '{"key":"1","value":"{2}"}\n');
  t.is((await client.send('PUT', `${entries}2`, { key: '7', value: '3' })).text, '{"key":"2","value":"3"}\n');
  t.is((await client.send('GET', `${entries}0x1`, {})).text, '{"key":"0x1","value":"0x2"}\n');
  t.is((await client.send('GET', `${entries}%7B%202%20%7D`)).text, '{"key":"{ 2 }","value":"0x3"}\n');
  t.is(
    (await client.send('GET', entries)).text,
    '[{"key":"0x1","value":"0x2"},{"key":"0x2","value":"0x3"}]\n',
  );
  const wrong = await client.send('POST', entries, { key: 'x', value: '1' });
  t.deepEqual([wrong.status, wrong.text], [400, 'error scanning key (x) from string\n']);
  t.is((await client.send('DELETE', `${entries}%7B1%7D`, {})).status, 200);
  for (const missing of ['1', 'x', '%7B'])
    for (const method of ['GET', 'DELETE'])
      t.is((await client.send(method, entries + missing, {})).status, 404);
});

test('links, interfaces', async (t) => {
  const { client } = await serve(t);
  t.is((await client.send('GET', '/links/')).text, '[]\n');
  t.is(
    (await client.send('GET', '/external_interfaces/')).text,
    '[{"id":"1","name":"lo"},{"id":"11","name":"veth1"}]\n',
  );
  const { id: module } = await client.json('POST', '/modules/', {
    module_type: 'bpf',
    config: { code: CODE },
  });
  const link = await client.send('POST', '/links/', { from: 'i:veth1', to: module });
  const { id } = JSON.parse(link.text) as { id: string };
  t.regex(id, /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
  t.is(link.text, `{"id":"${id}","from":"i:veth1","to":"m:00000000","from-id":1,"to-id":1}\n`);
  t.is((await client.send('GET', '/links/')).text, `[${link.text.trim()}]\n`);
  t.is((await client.send('GET', `/links/${id}`, {})).text, link.text);
  t.is((await client.send('PUT', `/links/${id}`, {})).status, 404);
  const again = await client.send('POST', '/links/', { from: module, to: 'i:veth1' });
  t.deepEqual([again.status, again.text], [400, 'Link already exists between "m:00000000" and "i:veth1"\n']);
  const gone = await client.send('DELETE', `/links/${id}`, {});
  t.deepEqual([gone.status, gone.text], [200, '']);
  t.is((await client.send('DELETE', `/links/${id}`, {})).status, 404);
});

test('no interface at all is null, as ever', async (t) => {
  const { client, devices } = await serve(t);
  devices.remove(1);
  devices.remove(11);
  t.is((await client.send('GET', '/external_interfaces/')).text, 'null\n');
});

test('paths and methods that are none', async (t) => {
  const { client } = await serve(t);
  await client.json('POST', '/modules/', { module_type: 'bpf', config: { code: CODE } });
  const missing: [method: string, path: string][] = [
    ['GET', '/'],
    ['GET', '/modules'],
    ['GET', '/modules/m:00000000/'],
    ['GET', '/modules/m:0'],
    ['GET', '/modules/m:00000001'],
    ['GET', '/modules/i:veth1'],
    ['GET', '/modules/../modules/'],
    ['GET', '//modules/'],
    ['GET', '/modules/m:00000000/tables'],
    ['GET', '/modules/m:00000000/tables/none'],
    ['GET', '/modules/m:00000000/tables/__proto__'],
    ['GET', '/modules/m:00000000/tables/t/entries/1%2F2'],
    ['GET', '/modules/m:00000000/tables/t/entries/..%2F..'],
    ['GET', '/modules/%00'],
    ['GET', '/links'],
    ['GET', '/links/constructor'],
    ['DELETE', '/links/nonsense'],
    ['DELETE', '/modules/b:br0'],
    ['GET', '/external_interfaces'],
    ['GET', '/controllers/'],
    ['GET', '/policies/'],
    ['HEAD', '/modules/'],
    ['OPTIONS', '/modules/'],
    ['PATCH', '/modules/m:00000000'],
    ['POST', '/modules/m:00000000'],
  ];
  for (const [method, path] of missing) {
    const { status, text } = await client.send(method, path);
    t.is(status, 404, `${method} ${path}`);
    if (method !== 'HEAD') t.is(text, '404 page not found\n');
  }
  t.is((await client.send('GET', '/modules/%zz')).status, 400);
  t.is((await client.send('GET', '/modules/%ff')).status, 400);
});

test('bodies that are wrong get 400 and a reason, and change nothing', async (t) => {
  const { client, engine } = await serve(t);
  const cases: [body: string, wanted: RegExp][] = [
    ['', /^EOF\n$/],
    ['{', /^unexpected EOF\n$/],
    ['{"module_type":', /^unexpected EOF\n$/],
    ['nonsense', /^invalid character 'n' looking for beginning of value\n$/],
    ["{'a':1}", /^invalid character '\\'' looking for beginning of object key string\n$/],
    ['{"a" 1}', /^invalid character '1' after object key\n$/],
    ['{"a":1 "b"}', /^invalid character '"' after object key:value pair\n$/],
    ['{"a":"\u0001"}', /^invalid character/],
    ['[]', /^json: cannot unmarshal array into Go value of type struct\n$/],
    ['"text"', /^json: cannot unmarshal string/],
    ['null', /^unknown ModuleType \n$/],
    ['{}', /^unknown ModuleType \n$/],
    ['{"module_type":7}', /^json: cannot unmarshal number into Go value of type string\n$/],
    ['{"module_type":"bpf","tags":"x"}', /into Go value of type \[\]string\n$/],
    ['{"module_type":"bpf","tags":[1]}', /number into Go value of type string\n$/],
    ['{"module_type":"bpf","config":[]}', /array into Go value of type map\[string\]interface {}\n$/],
    ['{"module_type":"bpf","config":{"code":5}}', /^Expected code argument to be a string\n$/],
    [
      '{"module_type":"bpf","config":{"code":"syntax error"}}',
      /^module\.c:2:6: error: expected expression\n$/,
    ],
    [
      '{"module_type":"bpf","config":{"code":"verifier error"}}',
      /^Error loading bpf program:\n.*invalid mem access\n$/s,
    ],
    ['{"module_type":"switch"}', /^unknown ModuleType switch\n$/],
    ['['.repeat(100_000), /^exceeded max depth\n$/],
    [`{"config":${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}}`, /^exceeded max depth\n$/],
  ];
  for (const [body, wanted] of cases) {
    const { status, text, headers } = await client.send('POST', '/modules/', body);
    t.is(status, 400, body.slice(0, 60));
    t.regex(text, wanted, body.slice(0, 60));
    t.is(headers['content-type'], 'text/plain; charset=utf-8');
  }
  t.is(engine.loaded.size, 0);
  t.is((await client.send('GET', '/modules/')).text, '[]\n');
  // What follows the value, and names in any case, never mattered.
  const odd = '{"MODULE_TYPE":"bpf","Config":{"CODE":"c"},"unknown":[{}],"tags":null} and more';
  t.is((await client.send('POST', '/modules/', odd)).status, 200);
});

test('bodies that are too long get 413, others are served meanwhile', async (t) => {
  const { client } = await serve(t);
  const long = JSON.stringify({ module_type: 'bpf', config: { code: 'x'.repeat(10 * 1024 * 1024) } });
  const [refused, other] = await Promise.all([
    client.send('POST', '/modules/', long),
    client.send('GET', '/modules/'),
  ]);
  t.is(refused.status, 413);
  t.is(other.status, 200);
});

test('a compiler at work keeps nobody else waiting; a client that goes meanwhile leaves nothing', async (t) => {
  const { client, engine, hover } = await serve(t);
  let open!: () => void;
  engine.gate = new Promise((resolve) => {
    open = resolve;
  });
  const waiting = client.send('POST', '/modules/', { module_type: 'bpf', config: { code: CODE } });
  t.is((await client.send('GET', '/modules/')).text, '[]\n');
  const body = JSON.stringify({ module_type: 'bpf', config: { code: CODE } });
  const socket = connect(hover.port, '127.0.0.1');
  socket.write(`POST /modules/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await once(socket, 'connect');
  await client.send('GET', '/links/');
  socket.destroy();
  await once(socket, 'close');
  await client.send('GET', '/links/');
  open();
  t.is((await waiting).status, 200);
  await client.send('GET', '/links/');
  t.is(engine.loaded.size, 1);
  t.is((await client.json<unknown[]>('GET', '/modules/')).length, 1);
});

test('web pages cannot drive it', async (t) => {
  const { client, hover, engine } = await serve(t);
  const own = `127.0.0.1:${hover.port}`;
  const refused = [
    { Origin: 'http://example.org' },
    { Origin: 'null' },
    { Origin: `http://localhost:${hover.port}` },
    { Origin: 'http://127.0.0.1:1' },
    { Origin: `https://example.org/http://${own}` },
    { Host: 'rebound.example.org' },
    { Host: `rebound.example.org:${hover.port}`, Origin: `http://rebound.example.org:${hover.port}` },
    { Host: '127.0.0.1.example.org' },
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
  ];
  for (const headers of refused) {
    for (const [method, path] of [
      ['POST', '/modules/'],
      ['GET', '/modules/'],
      ['GET', '/none'],
    ] as const) {
      const { status, headers: back } = await client.send(
        method,
        path,
        { module_type: 'bpf', config: { code: 'c' } },
        headers,
      );
      t.is(status, 403, `${method} ${JSON.stringify(headers)}`);
      t.is(back['access-control-allow-origin'], undefined);
    }
  }
  t.is(engine.loaded.size, 0);
  const welcome = [
    {},
    { Host: 'localhost' },
    { Host: 'LOCALHOST:5002' },
    { Host: '127.9.9.9' },
    { Host: '[::1]:5002' },
    { Origin: `http://${own}`, 'Sec-Fetch-Site': 'same-origin' },
  ];
  for (const headers of welcome)
    t.is((await client.send('GET', '/modules/', undefined, headers)).status, 200, JSON.stringify(headers));
});

test('on a unix socket, for root only', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'agent-hover-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'below', 'hover.sock');
  const { hover } = await serve(t, { address: { kind: 'unix', path } });
  t.is(statSync(path).mode & 0o777, 0o600);
  const client = new RawClient({ socketPath: path });
  t.is((await client.send('GET', '/modules/', undefined, { Host: 'hover' })).status, 200);
  t.is((await client.send('GET', '/modules/', undefined, { Origin: 'http://example.org' })).status, 403);
  await t.throwsAsync(serve(t, { address: { kind: 'unix', path } }), { message: /is in use/ });
  await hover.close();
  await serve(t, { address: { kind: 'unix', path } });
});

test('from other machines only with TLS, and a certificate of one’s own', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'agent-hover-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const [servers, clients, strangers] = await Promise.all(
    ['servers', 'clients', 'strangers'].map((name) => TestAuthority.create(join(directory, name))),
  );
  const alternativeNames = 'DNS:hv1.example.org,IP:127.0.0.1';
  const own = await servers!.sign('server', { alternativeNames });
  const tls = new TlsFollower({ ...own, ca: clients!.ca });
  await t.throwsAsync(serve(t, { address: { kind: 'tcp', host: '0.0.0.0', port: 0 } }), {
    message: /only with TLS/,
  });
  const { hover } = await serve(t, { address: { kind: 'tcp', host: '0.0.0.0', port: 0 }, tls });
  const server = {
    host: '127.0.0.1',
    port: hover.port,
    ca: readFileSync(servers!.ca),
    checkServerIdentity: () => undefined,
  };
  const clientOf = (paths?: TlsPaths) =>
    new RawClient({
      ...server,
      tls: true,
      cert: paths && readFileSync(paths.cert),
      key: paths && readFileSync(paths.key),
    });
  const client = await clients!.sign('client');
  const known = clientOf(client);
  const stranger = clientOf(await strangers!.sign('stranger'));
  t.is((await known.send('GET', '/modules/')).status, 200);
  t.is((await known.send('GET', '/modules/', undefined, { Host: 'hv1.example.org:5002' })).status, 200);
  t.is((await known.send('GET', '/modules/', undefined, { Host: 'other.example.org' })).status, 403);
  await t.throwsAsync(clientOf().send('GET', '/modules/'));
  await t.throwsAsync(stranger.send('GET', '/modules/'));
  await t.throwsAsync(new RawClient({ host: '127.0.0.1', port: hover.port }).send('GET', '/modules/'));

  // Another certificate and other authorities, without a restart.
  const open = tlsConnect({ ...server, ...material({ ...client, ca: servers!.ca }) });
  await once(open, 'secureConnect');
  const closed = once(open.resume(), 'close');
  await servers!.sign('server', { alternativeNames: 'DNS:other.example.org,IP:127.0.0.1' });
  copyFileSync(strangers!.ca, clients!.ca);
  await tls.reload();
  await closed;
  t.is((await stranger.send('GET', '/modules/')).status, 200);
  t.is((await stranger.send('GET', '/modules/', undefined, { Host: 'other.example.org' })).status, 200);
  t.is((await stranger.send('GET', '/modules/', undefined, { Host: 'hv1.example.org' })).status, 403);
  await t.throwsAsync(known.send('GET', '/modules/'));
});

test('a built-in type is named, configured by JSON, and told when its ports change', async (t) => {
  const calls: unknown[] = [];
  const builtin = {
    maxPorts: 1,
    compile: async () => ({ digest: 'built in' }),
    start: () => ({
      configure(config: object, ports: readonly object[]) {
        if ('bad' in config) throw new Error('bad: nobody knows what that is');
        calls.push([config, ports]);
      },
    }),
  };
  const { client, devices } = await serve(t, { builtins: new Map([['switch', builtin]]) });
  devices.set(12, 'veth2');
  const wrong = await client.send('POST', '/modules/', { module_type: 'switch', config: { bad: 1 } });
  t.deepEqual([wrong.status, wrong.text], [400, 'bad: nobody knows what that is\n']);
  const { id } = await client.json('POST', '/modules/', {
    module_type: 'switch',
    display_name: 's',
    config: { age: 1 },
  });
  await client.json('POST', '/links/', { from: 'i:veth1', to: id });
  const surplus = await client.send('POST', '/links/', { from: 'i:veth2', to: id });
  t.deepEqual([surplus.status, surplus.text], [400, `Module "${id}" has 1 ports at most\n`]);
  t.is((await client.send('PUT', `/modules/${id}`, { display_name: 's', config: { bad: 1 } })).status, 400);
  const changed = await client.json<{ config: object }>('PUT', `/modules/${id}`, { config: { age: 2 } });
  t.deepEqual(changed.config, { age: 2 });
  const ports = [{ port: 1, path: 'i:veth1', name: 'veth1' }];
  t.deepEqual(calls, [
    [{ age: 1 }, []],
    [{ age: 1 }, ports],
    [{ age: 2 }, ports],
  ]);
});
