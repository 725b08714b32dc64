import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { credentials, status } from '@grpc/grpc-js';
import {
  type ChassisConfig,
  type HeldResource,
  type LocalInterface,
  Query,
  Report,
  ReportKind,
  ResourceType,
} from '@iovisor-ovn/proto';
import test, { type ExecutionContext } from 'ava';
import type { Change } from '../datapath/change.js';
import { portIntent, switchIntent } from '../testsupport/intents.js';
import { ScriptedCoordinator } from '../testsupport/scriptedCoordinator.js';
import { parseAddress } from './address.js';
import { Session } from './session.js';
import type { Timing } from './stream.js';

const CHASSIS: ChassisConfig = {
  name: 'hv1',
  hostname: 'hv1',
  encaps: [],
  otherConfig: {},
  transportZones: [],
};
const FAST: Partial<Timing> = { welcomeMs: 1000, backoff: { minMs: 20, maxMs: 60 } };
const REPORT = Report.create();

/** An agent without a kernel: what a session is given and what it does. */
class FakeAgent {
  readonly changes: Change[] = [];
  interfaces: ReadonlyMap<string, LocalInterface> = new Map();
  readonly logged: string[] = [];
  chassis: ChassisConfig | undefined = CHASSIS;
  held: HeldResource[] = [];
  answer: (query: Query) => Report | Promise<Report> = () => REPORT;
  #forwarding = new Set<string>();
  local = new Set<string>();
  addresses: string[];
  session: Session;

  constructor(t: ExecutionContext, addresses: string[], timing: Partial<Timing> = FAST) {
    this.addresses = addresses;
    const log = (_: object, message: string) => this.logged.push(message);
    this.session = new Session({
      addresses: () => this.addresses.map(parseAddress),
      credentials: () => credentials.createInsecure(),
      hello: () =>
        this.chassis && {
          protocol: 1,
          chassis: this.chassis,
          instance: 'instance',
          softwareVersion: '0',
          abi: 1,
          held: this.held,
        },
      chassisConfig: () => this.chassis,
      interfaces: () => this.interfaces,
      forwarding: () => this.forwarding,
      isLocalPort: (id) => this.local.has(id),
      apply: async (change) => {
        this.changes.push(change);
        const touched = change.upserts.map(({ id }) => id);
        return { refusals: [], forwarding: touched.filter((id) => this.forwarding.has(id)) };
      },
      committed: () => {},
      report: (query) => this.answer(query),
      log: {
        debug: () => {},
        info: log,
        warn: log,
        error: (details, message) => this.logged.push(`error: ${message} ${JSON.stringify(details)}`),
      },
      timing,
    });
    t.teardown(() => this.session.stop(false));
  }

  get forwarding(): ReadonlySet<string> {
    return this.#forwarding;
  }

  set forwarding(ids: ReadonlySet<string>) {
    const before = this.#forwarding;
    this.#forwarding = new Set(ids);
    this.session.touchForwarding([...before, ...ids]);
  }

  plug(...names: string[]): void {
    const one = { ifindex: 1, ifaceIdVer: '', encapIp: '', macInUse: '' };
    const before = this.interfaces;
    this.interfaces = new Map(names.map((name) => [name, { ...one, ifaceId: name, tap: `tap-${name}` }]));
    this.session.touchInterfaces([...before.keys(), ...names]);
  }
}

async function coordinator(t: ExecutionContext): Promise<ScriptedCoordinator & { address: string }> {
  const one = await new ScriptedCoordinator().listen();
  t.teardown(() => one.stop());
  return Object.assign(one, { address: `127.0.0.1:${one.port}` });
}

interface Wire {
  readonly port: number;
  /** So far. */
  readonly connections: number;
  /** From now on it takes everything and passes nothing on: a peer that vanished without a word. */
  silence(): void;
}

/** What an agent can be connected through; connections after the first `passes` are accepted, and nothing else. */
async function wire(t: ExecutionContext, to: number, passes = Number.POSITIVE_INFINITY): Promise<Wire> {
  const sockets: Socket[] = [];
  let connections = 0;
  const keep = (socket: Socket) => {
    sockets.push(socket);
    return socket.on('error', () => {});
  };
  const proxy = createServer((near) => {
    keep(near);
    if (++connections > passes) return;
    near.pipe(keep(createConnection(to, '127.0.0.1'))).pipe(near);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  return {
    port: (proxy.address() as { port: number }).port,
    get connections() {
      return connections;
    },
    silence() {
      for (const socket of sockets) socket.unpipe().pause();
    },
  };
}

test('hello, interfaces, a commit, its ack; then only what changed', async (t) => {
  const server = await coordinator(t);
  const agent = new FakeAgent(t, [server.address]);
  agent.plug('a', 'b');
  agent.session.start();
  const session = await server.session();
  const hello = await session.next('hello');
  t.is(hello.chassis?.name, 'hv1');
  t.true(hello.interfaces?.complete);
  t.deepEqual(
    hello.interfaces?.upserts.map(({ ifaceId }) => ifaceId),
    ['a', 'b'],
  );
  session.welcome();
  await once(agent.session, 'live');

  session.send({ $case: 'delta', value: { upserts: [switchIntent('s', 1)], removals: [] } });
  session.send({
    $case: 'delta',
    value: { upserts: [portIntent('p', 's', 1)], removals: [{ type: ResourceType.LOGICAL_PORT, id: 'q' }] },
  });
  agent.forwarding = new Set(['p']);
  agent.local = new Set(['p', 'r']);
  const ack = await session.apply([], [], { full: true, nbCfg: 7n });
  t.is(agent.changes.length, 1, 'nothing takes effect before its commit');
  t.deepEqual(
    agent.changes[0]!.upserts.map(({ id }) => id),
    ['s', 'p'],
  );
  t.deepEqual(
    agent.changes[0]!.removals.map(({ id }) => id),
    ['q'],
  );
  t.true(agent.changes[0]!.full);
  t.like(ack, { nbCfg: 7n, forwarding: ['p'], forwardingComplete: true, notForwarding: [] });

  agent.forwarding = new Set(['r']);
  agent.session.poke();
  t.like(await session.next('ack'), {
    revision: ack.revision,
    forwarding: ['r'],
    forwardingComplete: false,
    notForwarding: ['p'],
  });
  agent.plug('b', 'c');
  agent.session.poke();
  const difference = await session.next('interfaces');
  t.deepEqual(
    [difference.complete, difference.removals, difference.upserts.map(({ ifaceId }) => ifaceId)],
    [false, ['a'], ['c']],
  );
  agent.chassis = { ...CHASSIS, hostname: 'other' };
  agent.session.poke();
  t.is((await session.next('chassisConfig')).hostname, 'other');
  session.send({ $case: 'query', value: Query.create({ id: 5n, kind: ReportKind.REPORT_PORTS }) });
  t.is((await session.next('report')).queryId, 5n);

  // A port that left is nobody's business.
  agent.forwarding = new Set();
  agent.local = new Set();
  const last = await session.apply([]);
  t.deepEqual([last.forwarding, last.notForwarding], [[], []]);
});

test('what was seen is told to a coordinator that is there, and to none else', async (t) => {
  const server = await coordinator(t);
  const agent = new FakeAgent(t, [server.address]);
  const seen = (last: number) =>
    ({ kind: 'mac', portId: 'p', mac: Buffer.from([10, 0, 0, 0, 0, last]) }) as const;
  agent.session.start();
  const session = await server.session();
  await session.next('hello');
  agent.session.observe(seen(1));
  session.welcome();
  await once(agent.session, 'live');
  for (const last of [2, 3, 3]) agent.session.observe(seen(last));
  agent.session.observe({ kind: 'virtual', portId: 'v', parentId: 'p' });
  const macs: (number | undefined)[] = [];
  const claims: string[] = [];
  while (macs.length + claims.length < 3) {
    const observations = await session.next('observations');
    macs.push(...observations.macs.map(({ mac }) => mac.at(-1)));
    claims.push(...observations.virtualClaims.map(({ portId, parentId }) => `${portId} ${parentId}`));
  }
  t.deepEqual(macs, [2, 3], 'each once, and nothing from before');
  t.deepEqual(claims, ['v p']);
});

test('after a broken connection it states what it holds, and what was not committed is forgotten', async (t) => {
  const server = await coordinator(t);
  const agent = new FakeAgent(t, [server.address]);
  agent.session.start();
  const first = await server.session();
  await first.next('hello');
  first.welcome();
  first.send({ $case: 'delta', value: { upserts: [switchIntent('half', 1)], removals: [] } });
  await first.apply([switchIntent('whole', 2)], [], { full: true });
  first.send({ $case: 'delta', value: { upserts: [switchIntent('lost', 3)], removals: [] } });
  agent.held = [{ type: ResourceType.LOGICAL_SWITCH, id: 'whole', version: 4n }];
  agent.forwarding = new Set(['p']);
  first.end();
  const second = await server.session();
  t.deepEqual((await second.next('hello')).held, agent.held);
  second.welcome();
  const ack = await second.apply([], [], { full: true });
  t.deepEqual(
    agent.changes.map(({ upserts }) => upserts.map(({ id }) => id)),
    [['half', 'whole'], []],
  );
  t.like(ack, { forwarding: ['p'], forwardingComplete: true });
});

test('an answer that takes its time holds nothing up; one that fails is logged', async (t) => {
  const server = await coordinator(t);
  const agent = new FakeAgent(t, [server.address]);
  const open: ((report: Report) => void)[] = [];
  agent.answer = ({ id }) => {
    if (id === 2n) throw new Error('nothing to say');
    return id === 1n ? new Promise((resolve) => open.push(resolve)) : REPORT;
  };
  agent.session.start();
  const session = await server.session();
  session.welcome();
  const ask = (id: bigint) => session.send({ $case: 'query', value: Query.create({ id }) });
  for (const id of [1n, 2n, 3n]) ask(id);
  t.is((await session.next('report')).queryId, 3n);
  t.is((await session.apply([switchIntent('s', 5)])).revision, 1n);
  t.true(agent.logged.some((line) => /could not be answered.*nothing to say/.test(line)));
  open[0]!(REPORT);
  t.is((await session.next('report')).queryId, 1n);
});

test('a standby sends it on to the next address at once', async (t) => {
  const standby = await coordinator(t);
  standby.refuse = { code: status.UNAVAILABLE, details: 'not the leader' };
  const leader = await coordinator(t);
  // Long pauses: the test would time out if it waited for one.
  const agent = new FakeAgent(t, ['127.0.0.1:1', standby.address, leader.address], {
    backoff: { minMs: 600_000, maxMs: 600_000 },
  });
  agent.session.start();
  const session = await leader.session();
  t.is(standby.refusals, 1);
  session.welcome();
  await once(agent.session, 'live');
  t.true(agent.session.live);
});

test('it waits for the leader as long as it takes', async (t) => {
  const standby = await coordinator(t);
  standby.refuse = { code: status.UNAVAILABLE, details: 'not the leader' };
  const agent = new FakeAgent(t, [standby.address]);
  agent.session.start();
  for (let round = 0; round < 5; round++) await once(agent.session, 'ended');
  t.is(agent.logged.length, 1, 'said once, not each time');
  standby.refuse = undefined;
  const session = await standby.session();
  t.is((await session.next('hello')).instance, 'instance');
});

test('a refused hello is an error, said once, and tried again', async (t) => {
  const server = await coordinator(t);
  server.refuse = { code: status.ALREADY_EXISTS, details: 'hv1 is connected from 192.0.2.7' };
  const agent = new FakeAgent(t, [server.address]);
  agent.session.start();
  for (let round = 0; round < 4; round++) await once(agent.session, 'ended');
  t.is(agent.logged.length, 1);
  t.regex(agent.logged[0]!, /^error: .*hv1 is connected from 192\.0\.2\.7/);
  server.refuse = { code: status.PERMISSION_DENIED, details: 'the certificate names hv2' };
  for (let round = 0; round < 2; round++) await once(agent.session, 'ended');
  t.regex(agent.logged.at(-1)!, /hv2/);
  server.refuse = undefined;
  await (await server.session()).next('hello');
});

test('without a name or an address it waits for one', async (t) => {
  const server = await coordinator(t);
  const agent = new FakeAgent(t, []);
  agent.chassis = undefined;
  agent.session.start();
  agent.session.poke();
  agent.addresses = [server.address];
  agent.session.poke();
  agent.chassis = CHASSIS;
  agent.session.poke();
  t.is((await (await server.session()).next('hello')).chassis?.name, 'hv1');
});

test('a connection that went silent is noticed', async (t) => {
  const server = await coordinator(t);
  const proxy = await wire(t, server.port);
  const agent = new FakeAgent(t, [`127.0.0.1:${proxy.port}`], {
    ...FAST,
    keepaliveMs: 200,
    keepaliveTimeoutMs: 200,
  });
  agent.session.start();
  const first = await server.session();
  first.welcome();
  await once(agent.session, 'live');
  const ended = once(agent.session, 'ended');
  proxy.silence();
  await ended;
  t.false(agent.session.live);
  await (await server.session()).next('hello');
});

test('after one that went silent another one is asked first', async (t) => {
  const [server, other] = [await coordinator(t), await coordinator(t)];
  // The second one, too, would be accepted, and hear nothing.
  const proxy = await wire(t, server.port, 1);
  const timing = { ...FAST, keepaliveMs: 200, keepaliveTimeoutMs: 200 };
  const agent = new FakeAgent(t, [`127.0.0.1:${proxy.port}`, other.address], timing);
  agent.session.start();
  (await server.session()).welcome();
  await once(agent.session, 'live');
  proxy.silence();
  await (await other.session()).next('hello');
  t.is(proxy.connections, 1);
});

test('a coordinator that says nothing is left', async (t) => {
  const server = await coordinator(t);
  const agent = new FakeAgent(t, [server.address], { ...FAST, welcomeMs: 50 });
  agent.session.start();
  await server.session();
  const [reason] = (await once(agent.session, 'ended')) as [string];
  t.regex(reason, /no answer within 50 ms/);
});

test('stopping says goodbye', async (t) => {
  const server = await coordinator(t);
  const agent = new FakeAgent(t, [server.address]);
  agent.session.start();
  const session = await server.session();
  session.welcome();
  await once(agent.session, 'live');
  const stopped = agent.session.stop(true);
  t.true((await session.next('goodbye')).removeChassis);
  await session.untilEnded();
  await stopped;
  t.false(agent.session.live);
});

test('addresses', (t) => {
  t.deepEqual(parseAddress('[::1]:5'), { kind: 'tcp', host: '::1', port: 5 });
  t.deepEqual(parseAddress('unix:/a b'), { kind: 'unix', path: '/a b' });
  for (const bad of ['', 'host', 'host:', 'host:70000', '::1:5', 'unix:', '[host]:5'])
    t.throws(() => parseAddress(bad));
});
