import test from 'ava';
import type { Hop } from '../engine/hoverEngine.js';
import { FakeDevices, silent } from '../testsupport/fakeDevices.js';
import { RecordingEngine } from '../testsupport/recordingEngine.js';
import { HoverGraph, type ModuleNode } from './index.js';

const module = (number: number, port: number): Hop => ({ kind: 'module', module: number, port });
const out = (ifindex: number): Hop => ({ kind: 'interface', ifindex });
const STACK: Hop = { kind: 'stack' };

function setUp(reserved: (name: string) => string | undefined = () => undefined) {
  const engine = new RecordingEngine();
  const devices = new FakeDevices();
  for (let number = 1; number <= 4; number++) devices.set(10 + number, `veth${number}`, { kind: 'veth' });
  const graph = new HoverGraph({
    engine: async () => engine,
    devices,
    builtins: new Map(),
    reserved: ({ name }) => reserved(name),
    log: silent,
  });
  const load = (type = 'bpf', tags: string[] | null = null) =>
    graph.createModule({ type, displayName: 'test', tags, config: { code: 'c' } });
  const update = (one: ModuleNode, tags: string[]) =>
    graph.updateModule(one, { displayName: 'test', tags, config: { code: 'c' } });
  return { engine, devices, graph, load, update };
}

/** Everything that the kernel was told. */
function told({ ports, ingress, egress, loaded }: RecordingEngine) {
  return { ports: [...ports], ingress: [...ingress], egress: [...egress], loaded: [...loaded] };
}

test('numbers are the lowest free ones, of modules and linked interfaces together', async (t) => {
  const { graph, load } = setUp();
  const [a, b] = [await load(), await load()];
  t.deepEqual([a.path, b.path], ['m:00000000', 'm:00000001']);
  await graph.createLink('i:veth1', b.path);
  t.is((await load()).path, 'm:00000003');
  graph.deleteModule(a);
  t.is((await load()).path, 'm:00000000');
});

test('ports are the lowest free ones of each module, and released with their link', async (t) => {
  const { engine, graph, load } = setUp();
  const [a, b] = [await load(), await load()];
  const first = await graph.createLink('i:veth1', a.path);
  const second = await graph.createLink(b.path, a.path);
  t.deepEqual([first.from.port, first.to.port], [1, 1]);
  t.deepEqual([second.from.port, second.to.port], [1, 2]);
  t.deepEqual(engine.ingress.get(11), [module(0, 1)]);
  t.deepEqual(engine.ports.get('0:1'), [out(11)]);
  t.deepEqual(engine.ports.get('0:2'), [module(1, 1)]);
  t.deepEqual(engine.ports.get('1:1'), [module(0, 2)]);
  graph.deleteLink(first);
  t.false(engine.ingress.has(11));
  t.false(engine.ports.has('0:1'));
  const third = await graph.createLink('i:veth2', a.path);
  t.is(third.to.port, 1);
  t.not(third.id, first.id);
});

test('127 links, not one more, for the whole life of a module as often as one likes', async (t) => {
  const { devices, graph, load } = setUp();
  const { path } = await load();
  for (let number = 1; number <= 128; number++) devices.set(1000 + number, `tap${number}`);
  for (let number = 1; number <= 127; number++) await graph.createLink(`i:tap${number}`, path);
  await t.throwsAsync(graph.createLink('i:tap128', path), { message: 'HandlePool: pool empty' });
  graph.deleteLink([...graph.links.values()][4]!);
  t.is((await graph.createLink('i:tap128', path)).to.port, 5);
});

test('what cannot be linked changes nothing', async (t) => {
  const { engine, devices, graph, load } = setUp((name) => (name === 'veth3' ? 'belongs to OVN' : undefined));
  const [a, b] = [await load(), await load()];
  devices.set(20, 'br0', { kind: 'bridge' });
  devices.set(14, 'veth4', { master: 20 });
  await graph.createLink('i:veth1', a.path);
  await graph.createLink(a.path, b.path);
  const before = told(engine);
  const cases: [from: string, to: string, wanted: string][] = [
    ['veth1', a.path, 'Malformed node path "veth1"'],
    ['b:br0', a.path, 'Unknown node path prefix "b"'],
    ['i:br0', a.path, 'No interface br0 found'],
    ['i:none', a.path, 'Link not found'],
    ['m:00000009', a.path, 'Module "m:00000009" not found'],
    ['modules:00000000', a.path, 'Module "modules:00000000" not found'],
    [b.path, a.path, `Link already exists between "${b.path}" and "${a.path}"`],
    ['i:veth1', a.path, `Link already exists between "i:veth1" and "${a.path}"`],
    ['external_interfaces:veth1', b.path, 'Interface "i:veth1" is linked already'],
    [a.path, a.path, `A link needs two ends, and "${a.path}" is only one`],
    ['i:veth2', 'i:veth2', 'A link needs two ends, and "i:veth2" is only one'],
    ['i:veth3', a.path, 'Interface "i:veth3" belongs to OVN'],
    ['i:veth4', a.path, 'Invalid # edges for node i:veth4, must be 2, got 4'],
  ];
  for (const [from, to, message] of cases) await t.throwsAsync(graph.createLink(from, to), { message }, from);
  engine.failAt = 12;
  await t.throwsAsync(graph.createLink('i:veth2', b.path), { message: 'No such device' });
  t.deepEqual(told(engine), before);
  t.is(graph.links.size, 2);
  // Nothing of a number or a port is left behind either.
  t.is((await graph.createLink('i:veth2', b.path)).to.port, 2);
});

test('a module that does not compile or load leaves nothing, and neither does a client that went', async (t) => {
  const { engine, graph, load } = setUp();
  const create = (code: string, signal?: AbortSignal) =>
    graph.createModule({ type: 'bpf', displayName: '', tags: null, config: { code } }, signal);
  await t.throwsAsync(create('syntax error'), { message: /expected expression/ });
  await t.throwsAsync(create('verifier error'), { message: /R0 invalid/ });
  await t.throwsAsync(create('c', AbortSignal.abort()));
  for (const type of ['', 'nonsense', 'bridge', 'bpfx/policy'])
    await t.throwsAsync(load(type), { message: `unknown ModuleType ${type}` });
  t.is(engine.loaded.size, 0);
  t.is((await load()).number, 0);
});

test('two clients at once: each gets a module of its own, and one of them the link', async (t) => {
  const { engine, graph, load } = setUp();
  const modules = await Promise.all(Array.from({ length: 20 }, () => load()));
  t.is(new Set(modules.map(({ path }) => path)).size, 20);
  t.is(engine.loaded.size, 20);
  const attempts = modules.map(({ path }) => graph.createLink('i:veth1', path));
  const outcomes = await Promise.allSettled(attempts);
  t.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  t.is(engine.ports.size, 1);
});

test('a module deleted while linked takes its links along', async (t) => {
  const { engine, graph, load } = setUp();
  const [a, b] = [await load(), await load()];
  await graph.createLink('i:veth1', a.path);
  await graph.createLink(a.path, b.path);
  await graph.createLink(b.path, 'i:veth2');
  graph.deleteModule(a);
  t.deepEqual(
    [...graph.links.values()].map(({ to }) => to.node.path),
    ['i:veth2'],
  );
  t.deepEqual(told(engine), {
    ports: [['1:2', [out(12)]]],
    ingress: [[12, [module(1, 2)]]],
    egress: [],
    loaded: [[1, 'c']],
  });
  t.is((await graph.createLink('i:veth1', b.path)).to.port, 1);
});

test('an interface that disappears takes its link along; made again it can be linked again', async (t) => {
  const { engine, devices, graph, load } = setUp();
  const { path } = await load();
  await graph.createLink('i:veth1', path);
  devices.remove(11);
  t.is(graph.links.size, 0);
  t.is(engine.ports.size, 0);
  devices.set(99, 'veth1');
  t.is((await graph.createLink('i:veth1', path)).to.port, 1);
  t.deepEqual(engine.ports.get('0:1'), [out(99)]);
});

test('policies guard what their tags name: entering, then leaving, three at most', async (t) => {
  const { engine, graph, load, update } = setUp();
  const forward = await load();
  await graph.createLink('i:veth1', forward.path);
  const one = await load('bpf/policy', [forward.path]);
  const two = await load('bpf/policy', ['i:veth1']);
  t.deepEqual(engine.ingress.get(11), [module(one.number, 1), module(two.number, 2), module(0, 1)]);
  t.deepEqual(engine.ports.get('0:1'), [module(two.number, 1), module(one.number, 2), out(11)]);
  const both = await load('bpf/policy', ['i:veth1', forward.path]);
  t.is(engine.ingress.get(11)!.length, 3, 'who has both ends inside sees nothing');
  const three = await load('bpf/policy', [forward.path]);
  const before = told(engine);
  await t.throwsAsync(load('bpf/policy', [forward.path]), { message: /^More than 3 policies/ });
  t.throws(() => update(both, ['i:veth1']), { message: /^More than 3 policies/ });
  t.deepEqual(told(engine), before);
  t.deepEqual(both.tags, ['i:veth1', forward.path]);
  update(one, []);
  graph.deleteModule(three);
  t.deepEqual(engine.ingress.get(11), [module(two.number, 2), module(0, 1)]);
  graph.deleteModule(two);
  t.deepEqual(engine.ingress.get(11), [module(0, 1)]);
});

test('a policy holds for what is linked later, and follows a name', async (t) => {
  const { engine, devices, graph, load } = setUp();
  const forward = await load();
  const policy = await load('bpf/policy', ['i:uplink']);
  await graph.createLink('i:veth1', forward.path);
  t.deepEqual(engine.ingress.get(11), [module(0, 1)]);
  devices.set(11, 'uplink', { kind: 'veth' });
  t.deepEqual(engine.ingress.get(11), [module(policy.number, 2), module(0, 1)]);
  t.is([...graph.links.values()][0]!.from.node.path, 'i:uplink');
});

test('bridges are found; policies around them guard their ports', async (t) => {
  const { engine, devices, graph, load, update } = setUp((name) =>
    name === 'veth3' ? 'belongs to OVN' : undefined,
  );
  devices.set(20, 'br0', { kind: 'bridge' });
  devices.set(11, 'veth1', { master: 20 });
  t.is(graph.bridge('b:br0')?.name, 'br0');
  const policy = await load('bpf/policy', ['b:br0']);
  t.deepEqual(engine.ingress.get(11), [module(policy.number, 1), STACK]);
  t.deepEqual(engine.egress.get(11), [module(policy.number, 2), STACK]);
  devices.set(12, 'veth2', { master: 20 });
  t.true(engine.ingress.has(12));
  devices.set(13, 'veth3', { master: 20 });
  t.false(engine.ingress.has(13), 'not what belongs to OVN');
  devices.set(11, 'veth1');
  t.false(engine.ingress.has(11));
  update(policy, []);
  t.is(engine.ingress.size + engine.egress.size, 0);
  t.throws(() => update(policy, ['b:br0']), { message: 'Interface "i:veth3" belongs to OVN' });
  t.is(engine.ingress.size + engine.egress.size, 0);
  devices.remove(20);
  t.is(graph.bridge('b:br0'), undefined);
});

test('an interface that comes to belong to somebody else is taken from its module', async (t) => {
  let owner: string | undefined;
  const { engine, graph, load } = setUp(() => owner);
  const { path } = await load();
  await graph.createLink('i:veth1', path);
  owner = 'belongs to OVN';
  graph.reservationsChanged();
  t.is(engine.ingress.size, 0);
  t.is(graph.links.size, 0);
});

test('a thousand times made and deleted: nothing is left', async (t) => {
  const { engine, graph, load } = setUp();
  for (let round = 0; round < 1000; round++) {
    const [a, b] = [await load(), await load('bpf/policy', ['i:veth1'])];
    t.is(a.number, 0);
    await graph.createLink('i:veth1', a.path);
    graph.deleteModule(a);
    graph.deleteModule(b);
  }
  t.deepEqual(told(engine), { ports: [], ingress: [], egress: [], loaded: [] });
  t.is((await load()).number, 0);
});

test('an interface is promiscuous while it is linked, and as it was afterwards', async (t) => {
  const { devices, engine, graph, load } = setUp();
  devices.set(11, 'veth1', { promiscuous: false });
  devices.set(12, 'veth2', { promiscuous: true });
  const { path } = await load();
  const links = [await graph.createLink('i:veth1', path), await graph.createLink('i:veth2', path)];
  t.deepEqual([...engine.promiscuous], [[11, true]]);
  for (const link of links) graph.deleteLink(link);
  t.deepEqual([...engine.promiscuous], [[11, false]]);
});

test('the loopback is linked to nothing: the API would be cut off by its own means', async (t) => {
  const { devices, graph, load } = setUp();
  devices.set(1, 'lo');
  const { path } = await load();
  await t.throwsAsync(graph.createLink('i:lo', path), {
    message: `Interface "i:lo" is the host's loopback, by which this API itself is reached`,
  });
  t.is(graph.links.size, 0);
});
