import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
import { Hypervisor } from '../testsupport/hypervisor.js';
import { Machine, temporaryDirectory } from '../testsupport/namespace.js';
import { RawClient } from './testsupport/client.js';

/** Sends what comes in by port 1 out of port 2, and back. */
const FORWARD = `
static int handle_rx(void *skb, struct metadata *md) {
  if (md->in_ifc != 1 && md->in_ifc != 2)
    return RX_DROP;
  pkt_redirect(skb, md, 3 - md->in_ifc);
  return RX_REDIRECT;
}`;
const REDIRECT = `
BPF_TABLE("array", int, int, redirect, 10);
static int handle_rx(void *skb, struct metadata *md) {
  int in = md->in_ifc;
  int *out = redirect.lookup(&in);
  if (!out)
    return RX_DROP;
  pkt_redirect(skb, md, *out);
  return RX_REDIRECT;
}`;
const COUNT = `
BPF_TABLE("array", int, u64, counters, 2);
static int handle_rx(void *skb, struct metadata *md) {
  int way = md->in_ifc - 1;
  u64 *count = counters.lookup(&way);
  if (count)
    lock_xadd(count, 1);
  return RX_OK;
}`;
const TRIVIAL = 'static int handle_rx(void *skb, struct metadata *md) { return RX_OK; }';
const VERIFIER_ERROR =
  'static int handle_rx(void *skb, struct metadata *md) { *(volatile int *)0 = 0; return RX_OK; }';
const SYNTAX_ERROR = 'static int handle_rx(void *skb, struct metadata *md) { if () {} return RX_OK; }';
const CONTROLLED = `
static int handle_rx(void *skb, struct metadata *md) {
  pkt_controller(skb, md, 42);
  return RX_CONTROLLER;
}`;

type Id = { id: string };
type Entry = { key: string; value: string };

/** A hypervisor with an agent and no OVN; machines; a client of its API. */
async function start(t: ExecutionContext, ...flags: string[]) {
  const hypervisor = new Hypervisor('hv1');
  const directory = temporaryDirectory();
  const socketPath = join(directory.path, 'hover.sock');
  const machines: Machine[] = [];
  t.teardown(async () => {
    await hypervisor.remove();
    for (const machine of machines) machine.remove();
    directory.remove();
  });
  await hypervisor.startDatabase();
  hypervisor.startAgent('--hover', `unix:${socketPath}`, ...flags);
  await until(() => hypervisor.output.includes('the Hover API is served'));
  const client = new RawClient({ socketPath, host: 'localhost' });
  const machine = (number: number) => {
    const mac = `02:00:00:00:00:0${number}`;
    machines.push(new Machine({ mac, address: `10.10.1.${number}/24`, home: hypervisor.namespace }));
    return machines.at(-1)!;
  };
  const load = async (code: string, more: object = {}) =>
    (await client.json<Id>('POST', '/modules/', { module_type: 'bpf/forward', config: { code }, ...more }))
      .id;
  const link = async (from: string, to: string) =>
    (await client.json<Id>('POST', '/links/', { from, to })).id;
  const unlink = (id: string) => client.json('DELETE', `/links/${id}`, {});
  return { hypervisor, socketPath, client, machine, load, link, unlink };
}

/** Packets that a machine got. */
function received({ namespace }: Machine): number {
  const [link] = JSON.parse(namespace.ip('-s', '-j', 'link', 'show', 'eth0')) as [
    { stats64: { rx: { packets: number } } },
  ];
  return link.stats64.rx.packets;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

test.serial('modules are made; what the compiler and the verifier say comes back', async (t) => {
  const { client, load } = await start(t);
  t.regex(await load(TRIVIAL), /^m:\d{8}$/);
  const verifier = await client.send('POST', '/modules/', {
    module_type: 'bpf',
    config: { code: VERIFIER_ERROR },
  });
  t.is(verifier.status, 400);
  t.regex(verifier.text, /invalid mem access|R\d/);
  const syntax = await client.send('POST', '/modules/', {
    module_type: 'bpf',
    config: { code: SYNTAX_ERROR },
  });
  t.is(syntax.status, 400);
  t.regex(syntax.text, /expected expression/);
  // And br-int, which every agent makes.
  const modules = await client.json<Id[]>('GET', '/modules/');
  t.is(modules.filter(({ id }) => id.startsWith('m:')).length, 1);
});

test.serial('a chain of two modules redirects by their tables', async (t) => {
  const { client, machine, load, link, unlink } = await start(t);
  const [one, two] = [machine(1), machine(2)];
  const [first, second] = [await load(REDIRECT), await load(REDIRECT)];
  const attached = await link(first, `i:${one.tap}`);
  await link(first, second);
  await link(`i:${two.tap}`, second);
  t.false(one.pings('10.10.1.2', 1), 'tables are empty');
  for (const module of [first, second])
    for (const [key, value] of [
      ['1', '2'],
      ['2', '1'],
    ])
      await client.json('POST', `/modules/${module}/tables/redirect/entries/`, { key, value });
  t.true(one.pings('10.10.1.2'));
  t.true(two.pings('10.10.1.1'));
  await unlink(attached);
  t.false(one.pings('10.10.1.2', 1));
});

test.serial('links deleted; interfaces moved to another module, and back to the same', async (t) => {
  const { hypervisor, machine, load, link, unlink } = await start(t);
  const [one, two, three] = [machine(1), machine(2), machine(2)];
  const module = await load(FORWARD);
  const first = await link(module, `i:${one.tap}`);
  const second = await link(module, `i:${two.tap}`);
  t.true(one.pings('10.10.1.2'));
  const promiscuous = () => hypervisor.namespace.ip('link', 'show', one.tap).includes('PROMISC');
  t.true(promiscuous());
  await unlink(first);
  t.false(promiscuous());
  const other = await load(FORWARD);
  const moved = await link(other, `i:${one.tap}`);
  await link(other, `i:${three.tap}`);
  t.true(one.pings('10.10.1.2'));
  await unlink(moved);
  await unlink(second);
  // Hover gave other numbers now, so nothing passed.
  await link(module, `i:${one.tap}`);
  await link(module, `i:${two.tap}`);
  t.true(one.pings('10.10.1.2'));
  t.true(two.pings('10.10.1.1'));
});

test.serial('a module deleted while linked: nothing passes, and everything is free again', async (t) => {
  const { client, machine, load, link } = await start(t);
  const [one, two] = [machine(1), machine(2)];
  const module = await load(FORWARD);
  for (const { tap } of [one, two]) await link(module, `i:${tap}`);
  t.true(one.pings('10.10.1.2'));
  t.is((await client.send('DELETE', `/modules/${module}`, {})).status, 200);
  t.false(one.pings('10.10.1.2', 1));
  t.deepEqual(await client.json('GET', '/links/'), []);
  const next = await load(FORWARD);
  for (const { tap } of [one, two]) await link(next, `i:${tap}`);
  t.true(one.pings('10.10.1.2'));
});

test.serial('policies count what passes, until their tags go', async (t) => {
  const { client, machine, load, link } = await start(t);
  const [one, two] = [machine(1), machine(2)];
  const module = await load(FORWARD);
  const policy = await load(COUNT, { module_type: 'bpf/policy', tags: [module] });
  for (const { tap } of [one, two]) await link(module, `i:${tap}`);
  t.true(one.pings('10.10.1.2'));
  const count = async (way: number) => {
    const entry = await client.json<Entry>('GET', `/modules/${policy}/tables/counters/entries/0x${way}`);
    t.is(entry.key, `0x${way}`);
    return Number(entry.value);
  };
  t.true((await count(0)) >= 6);
  t.true((await count(1)) >= 6);
  await client.json('PUT', `/modules/${policy}`, { config: { code: COUNT }, tags: [] });
  const before = await count(0);
  t.true(one.pings('10.10.1.2'));
  t.is(await count(0), before);
});

test.serial('a bridge is found, and a policy counts what its ports send and receive', async (t) => {
  const { hypervisor, client, machine, load } = await start(t);
  const [one, two] = [machine(1), machine(2)];
  const { namespace } = hypervisor;
  namespace.ip('link', 'add', 'br0', 'type', 'bridge');
  namespace.ip('link', 'set', 'br0', 'up');
  for (const { tap } of [one, two]) namespace.ip('link', 'set', tap, 'master', 'br0');
  await until(async () => (await client.send('GET', '/modules/b:br0')).status === 200);
  t.true(one.pings('10.10.1.2'));
  const policy = await load(COUNT, { module_type: 'bpf/policy', tags: ['b:br0'] });
  t.true(one.pings('10.10.1.2'));
  for (const way of [0, 1]) {
    const entry = await client.json<Entry>('GET', `/modules/${policy}/tables/counters/entries/0x${way}`);
    t.true(Number(entry.value) >= 6, `${way}: ${entry.value}`);
  }
  await client.json('DELETE', `/modules/${policy}`);
  t.true(one.pings('10.10.1.2'));
});

test.serial('an interface that vanishes frees its port, and can come back', async (t) => {
  const { hypervisor, client, machine, load, link } = await start(t);
  const [one, two] = [machine(1), machine(2)];
  const module = await load(FORWARD);
  for (const { tap } of [one, two]) await link(module, `i:${tap}`);
  hypervisor.namespace.ip('link', 'delete', one.tap);
  await until(async () => (await client.json<unknown[]>('GET', '/links/')).length === 1);
  const again = machine(1);
  const made = await client.json<{ 'to-id': number }>('POST', '/links/', {
    from: `i:${again.tap}`,
    to: module,
  });
  t.is(made['to-id'], 1);
  t.true(again.pings('10.10.1.2'));
});

test.serial('a packet for the controller reaches it, and what it sends comes out', async (t) => {
  const { socketPath, machine, load, link } = await start(t);
  const one = machine(1);
  const module = await load(CONTROLLED);
  await link(module, `i:${one.tap}`);
  const socket = new WebSocket(`ws+unix:${socketPath}:/controllers/ws`);
  const messages: { Md: { Reason: number; Port_id: number }; Data: string }[] = [];
  socket.on('message', (data) => messages.push(JSON.parse(String(data))));
  await new Promise((resolve) => socket.once('open', resolve));
  t.false(one.pings('10.10.1.2', 1));
  await until(() => messages.length > 0);
  t.like(messages[0]!.Md, { Reason: 42, Port_id: 1, Module_id: Number(module.slice(2)) });
  const before = received(one);
  socket.send(
    JSON.stringify({ Module_id: Number(module.slice(2)), Port_id: 1, Sense: 1, Data: messages[0]!.Data }),
  );
  await until(() => received(one) > before);
  socket.terminate();
});

test.serial('what belongs to OVN is not given to modules, unless that is allowed', async (t) => {
  for (const allowed of [false, true]) {
    const { hypervisor, client, machine, load, link } = await start(
      t,
      ...(allowed ? ['--hover-allow-ovn-ports'] : []),
    );
    const [one, two] = [machine(1), machine(2)];
    const module = await load(FORWARD);
    await link(module, `i:${two.tap}`);
    for (const { tap } of [one, two]) hypervisor.vsctl('--no-wait', 'add-port', 'br-int', tap);
    if (allowed) {
      t.is((await client.send('POST', '/links/', { from: `i:${one.tap}`, to: module })).status, 200);
      continue;
    }
    // The one that was linked before is taken back.
    await until(async () => (await client.json<unknown[]>('GET', '/links/')).length === 0);
    for (const { tap } of [one, two]) {
      await until(
        async () => (await client.send('POST', '/links/', { from: `i:${tap}`, to: module })).status === 400,
      );
      t.regex(
        (await client.send('POST', '/links/', { from: `i:${tap}`, to: module })).text,
        /belongs to OVN/,
      );
    }
  }
});
