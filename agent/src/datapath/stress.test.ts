import { once } from 'node:events';
import { credentials } from '@grpc/grpc-js';
import { type LocalInterface, Report, type Resource, ResourceType } from '@iovisor-ovn/proto';
import test, { type ExecutionContext } from 'ava';
import { parseAddress, Session } from '../session/index.js';
import { portIntent, switchIntent } from '../testsupport/intents.js';
import { sh, uniqueName } from '../testsupport/namespace.js';
import { ScriptedCoordinator, type ScriptedSession } from '../testsupport/scriptedCoordinator.js';
import type { Datapath } from './datapath.js';
import { CONFIG_MAPS, keyBuffer } from './entry.js';
import { Instances } from './instances.js';
import { Bench } from './testsupport/bench.js';
import { Kernel, QUIET } from './testsupport/kernel.js';

const TAPS = 300;
const ROUNDS = 40;

/** Numbers in [0, below), the same ones each time. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
}

/** Half as many pairs as taps: either end is one. */
function makeTaps(t: ExecutionContext): string[] {
  const prefix = uniqueName('st');
  const names = Array.from({ length: TAPS }, (_, index) => `${prefix}${index}`);
  const pairs = names.filter((_, index) => index % 2 === 0);
  t.teardown(() => {
    for (const name of pairs) sh('ip', 'link', 'del', name);
  });
  for (const [index, name] of pairs.entries())
    sh('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', names[2 * index + 1]!);
  return names;
}

function port(index: number, local: boolean): Resource {
  const address = `0a:00:00:00:${(index >> 8).toString(16).padStart(2, '0')}:${(index & 255).toString(16).padStart(2, '0')} 10.0.${index >> 8}.${index & 255}`;
  return portIntent(`p${index}`, 's', index + 1, { local, addresses: [address], portSecurity: [address] });
}

/** What the coordinator believes: by the Acks it got, and by its own taking ports away. */
class Belief {
  readonly ports = new Set<string>();
  readonly #session: ScriptedSession;
  /** Ports that ceased to be local ones with a revision; they are forgotten when that is acknowledged. */
  readonly #leaving = new Map<bigint, string[]>();

  constructor(session: ScriptedSession) {
    this.#session = session;
  }

  commit(upserts: Resource[], removals: string[]): bigint {
    const refs = removals.map((id) => ({ type: ResourceType.LOGICAL_PORT, id }));
    const revision = this.#session.commit(upserts, refs);
    const remote = upserts.filter(({ body }) => body?.$case === 'logicalPort' && !body.value.local);
    this.#leaving.set(revision, [...removals, ...remote.map(({ id }) => id)]);
    return revision;
  }

  async acked(revision: bigint): Promise<void> {
    for (;;) {
      const ack = await this.#session.next('ack');
      for (const [left, ids] of this.#leaving) {
        if (left > ack.revision) continue;
        this.#leaving.delete(left);
        for (const id of ids) this.ports.delete(id);
      }
      if (ack.forwardingComplete) this.ports.clear();
      for (const id of ack.forwarding) this.ports.add(id);
      for (const id of ack.notForwarding) this.ports.delete(id);
      if (ack.revision === revision) return;
    }
  }
}

function connect(
  t: ExecutionContext,
  datapath: Datapath,
  port: number,
  interfaces: Map<string, LocalInterface>,
): Session {
  const session = new Session({
    addresses: () => [parseAddress(`127.0.0.1:${port}`)],
    credentials: () => credentials.createInsecure(),
    hello: () => ({
      protocol: 1,
      chassis: { name: 'hv', hostname: 'hv', encaps: [], otherConfig: {}, transportZones: [] },
      instance: 'stress',
      softwareVersion: '0',
      abi: 1,
      held: datapath.held,
    }),
    chassisConfig: () => undefined,
    interfaces: () => interfaces,
    forwarding: () => datapath.forwarding,
    isLocalPort: (id) => datapath.compiler.resources.ports.get(id)?.local === true,
    apply: (change) => datapath.apply(change),
    committed: () => {},
    report: () => Report.create(),
    log: QUIET,
  });
  datapath.on('forwarding', ({ ids }, applied) => {
    session.touchForwarding(ids);
    if (!applied) session.poke();
  });
  t.teardown(() => session.stop(false));
  session.start();
  return session;
}

test(`${TAPS} taps come and go while intents come late: in the end everything is as if computed anew`, async (t) => {
  t.timeout(120_000);
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start('auto');
  const names = makeTaps(t);
  while (names.some((name) => kernel.netlink.linkByName(name) === undefined))
    await once(kernel.netlink, 'link');
  const ifindexes = names.map((name) => kernel.netlink.linkByName(name)!.ifindex);
  const server = await new ScriptedCoordinator().listen();
  t.teardown(() => server.stop());

  const interfaces = new Map<string, LocalInterface>();
  const session = connect(t, datapath, server.port, interfaces);
  const scripted = await server.session();
  scripted.welcome();
  await once(session, 'live');
  const belief = new Belief(scripted);
  await belief.acked(scripted.commit([switchIntent('s', 5)], [], { full: true }));

  const random = dice(42);
  const plugged = new Set<number>();
  const intents = new Map<number, boolean>();
  /** Plugs or unplugs, then tells of it, as Taps does. */
  const turn = (chosen: readonly number[]) => {
    const added = chosen.filter((index) => !plugged.has(index));
    const removed = chosen.filter((index) => plugged.has(index));
    for (const index of added) plugged.add(index);
    for (const index of removed) plugged.delete(index);
    for (const index of added) {
      const [ifaceId, tap, ifindex] = [`p${index}`, names[index]!, ifindexes[index]!];
      interfaces.set(ifaceId, { ifaceId, tap, ifindex, ifaceIdVer: '', encapIp: '', macInUse: '' });
    }
    for (const index of removed) interfaces.delete(`p${index}`);
    const number = (index: number) => ifindexes[index]!;
    datapath.changeDevices({ added: added.map(number), removed: removed.map(number) });
    const upserts = added.map((index) => [`p${index}`, { ifindex: number(index) }] as const);
    datapath.changePlugged({ upserts, removals: removed.map((index) => `p${index}`) });
    session.touchInterfaces(chosen.map((index) => `p${index}`));
    session.poke();
  };
  /** The coordinator's wish of some rounds ago. */
  const late: { upserts: Resource[]; removals: number[] }[] = [];
  let revision = 1n;
  for (let round = 0; round < ROUNDS; round++) {
    const some = () => [...new Set(Array.from({ length: 1 + random(40) }, () => random(TAPS)))];
    turn(some());
    const touched = some();
    const removals = touched.filter((index) => intents.has(index) && random(3) === 0);
    const upserts = touched.filter((index) => !removals.includes(index));
    for (const index of removals) intents.delete(index);
    for (const index of upserts) intents.set(index, random(5) > 0);
    late.push({ upserts: upserts.map((index) => port(index, intents.get(index)!)), removals });
    if (late.length > random(4)) {
      const { upserts: now, removals: gone } = late.shift()!;
      revision = belief.commit(
        now,
        gone.map((index) => `p${index}`),
      );
    }
    // Sometimes the next comes while this one is worked on.
    if (random(2) === 0) await new Promise((resolve) => setImmediate(resolve));
    else await new Promise((resolve) => setTimeout(resolve, random(15)));
  }
  for (const { upserts, removals } of late)
    revision = belief.commit(
      upserts,
      removals.map((index) => `p${index}`),
    );
  await belief.acked(revision);
  await datapath.attachments.settled();
  await belief.acked(scripted.commit([]));

  const expected = [...intents].flatMap(([index, local]) =>
    local && plugged.has(index) ? [`p${index}`] : [],
  );
  t.true(expected.length > 50);
  t.deepEqual([...datapath.forwarding.keys()].sort(), expected.sort(), 'forwarding');
  t.deepEqual([...belief.ports].sort(), expected, 'what the coordinator believes');
  t.deepEqual(
    [...datapath.attachments.list('entry')].sort(),
    [...plugged].map((index) => ifindexes[index]!).sort(),
  );
  t.is(datapath.attachments.failures.size, 0);

  // The maps against a computation that knows the end only; the numbers are those that history gave.
  const found = new Map([...CONFIG_MAPS].map((name) => [name, kernel.contents(name)]));
  const instances = new Instances({ datapaths: 64, ports: 1024, tunnels: 64 });
  instances.recover((map) => datapath.writer.mirrors.get(map)!);
  const fresh = new Bench({}, instances);
  fresh.compiler.setLocalEncaps([]);
  for (const index of plugged) fresh.plug(`p${index}`, { ifindex: ifindexes[index]!, peer: false });
  fresh.put(switchIntent('s', 5), ...[...intents].map(([index, isLocal]) => port(index, isLocal)));
  fresh.settle();
  for (const name of CONFIG_MAPS) {
    const wanted = [...fresh.contents(name)].map(
      ([key, value]) => `${name} ${keyBuffer(key).toString('hex')} ${value.toString('hex')}`,
    );
    t.deepEqual(found.get(name), wanted.sort(), name);
  }
});
