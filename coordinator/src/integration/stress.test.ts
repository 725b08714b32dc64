import { join } from 'node:path';
import type { Commit } from '@iovisor-ovn/proto';
import test from 'ava';
import { startCentral } from '../testing/central.js';
import { startCoordinator } from '../testing/process.js';
import { ScriptedAgent } from '../testing/scripted-agent.js';
import { SlowLink } from '../testing/slow-link.js';

const rounds = Number(process.env.IOVISOR_STRESS_ROUNDS ?? 3);
const seed = Number(process.env.IOVISOR_STRESS_SEED ?? 2026);
const portsPerRound = 120;

function twice(act: () => void): void {
  act();
  act();
}

/** Repeatable: mulberry32. */
function randomizer(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** An agent that takes its time, and tells of forwarding ports as the real one: what changed, also without a commit. */
class SlowAgent {
  readonly agent: ScriptedAgent;
  readonly plugged = new Set<string>();
  readonly #delayMs: () => number;
  #commit?: Commit;
  /** By id of its local ports: the iface-id that brings each. */
  #applied = new Map<string, string>();
  #told?: Set<string>;

  constructor(address: string, name: string, delayMs: () => number) {
    this.#delayMs = delayMs;
    this.agent = new ScriptedAgent({ address, name, autoAck: false });
    this.agent.on('commit', (commit) => setTimeout(() => this.#apply(commit), this.#delayMs()));
  }

  plug(name: string): void {
    this.plugged.add(name);
    this.agent.plug(name);
    setTimeout(() => this.#tell(), this.#delayMs());
  }

  unplug(name: string): void {
    this.plugged.delete(name);
    this.agent.unplug(name);
    this.#tell();
  }

  #apply(commit: Commit): void {
    this.#commit = commit;
    this.#applied = new Map();
    for (const [, { id, body }] of this.agent.held)
      if (body?.$case === 'logicalPort' && body.value.local)
        this.#applied.set(id, body.value.parent || body.value.name);
    this.#tell(true);
  }

  #tell(due = false): void {
    if (!this.#commit) return;
    const now = new Set([...this.#applied].filter(([, name]) => this.plugged.has(name)).map(([id]) => id));
    const told = this.#told ?? new Set();
    const forwarding = [...now].filter((id) => !told.has(id));
    const notForwarding = [...told].filter((id) => !now.has(id) && this.#applied.has(id));
    if (!due && forwarding.length + notForwarding.length === 0) return;
    const { revision, nbCfg } = this.#commit;
    const forwardingComplete = this.#told === undefined;
    this.#told = now;
    const applied = { revision, nbCfg, nbCfgTimestamp: 0n };
    const value = { ...applied, refusals: [], forwarding, forwardingComplete, notForwarding };
    this.agent.send({ $case: 'ack', value });
  }
}

test.serial('whatever comes first, in the end every plugged port is up and no other', async (t) => {
  t.timeout(60_000 + rounds * 40_000);
  t.log(`IOVISOR_STRESS_SEED=${seed}`);
  const random = randomizer(seed);
  const upTo = (ms: number) => () => random() * ms;
  const central = await startCentral();
  t.teardown(() => central.stop());
  const link = await new SlowLink(join(central.dir, 'slow.sock'), central.sb, upTo(6)).listen();
  t.teardown(() => link.close());
  const coordinator = await startCoordinator({ dir: central.dir, nb: central.nb, sb: link.remote });
  t.teardown(() => coordinator.stop('SIGKILL'));
  const agents = ['hv1', 'hv2', 'hv3'].map(
    (name, i) => new SlowAgent(coordinator.address, name, upTo(8 * (i + 1))),
  );
  t.teardown(() => {
    for (const { agent } of agents) agent.close();
  });
  await central.nbctl('ls-add', 'a', '--', 'ls-add', 'b');
  const owner = new Map<string, SlowAgent>();
  const present = new Set<string>();
  /** Nested ports, and behind which port each is. */
  const parents = new Map<string, string>();
  const hostOf = (name: string) => {
    const parent = parents.get(name);
    if (parent === undefined) return owner.get(name);
    return present.has(parent) ? owner.get(parent) : undefined;
  };
  const add = (name: string) => {
    const parent = parents.get(name);
    return ['--', 'lsp-add', pick(['a', 'b']), name, ...(parent === undefined ? [] : [parent, '7'])];
  };
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const later = (act: () => void) =>
    new Promise<void>((resolve) =>
      setTimeout(() => {
        act();
        resolve();
      }, random() * 600),
    );
  const move = (name: string) => {
    const before = owner.get(name);
    before?.unplug(name);
    const next = random() < 0.8 ? pick(agents) : undefined;
    if (next) owner.set(name, next);
    else owner.delete(name);
    next?.plug(name);
  };
  for (let round = 0; round < rounds; round++) {
    const fresh = Array.from({ length: portsPerRound }, (_, i) => `p${round}-${i}`);
    const old = [...present];
    for (const [i, name] of fresh.entries())
      if (i % 4 === 3) parents.set(name, fresh[i - 1 - Math.floor(random() * 3)]!);
    const movable = (name: string) => !parents.has(name);
    const work: Promise<unknown>[] = fresh.filter(movable).map((name) => later(() => move(name)));
    for (const name of old.filter(movable)) if (random() < 0.3) work.push(later(() => move(name)));
    for (const name of old.filter(movable))
      if (random() < 0.1) work.push(later(() => twice(() => move(name))));
    const commands = fresh.map(add);
    for (const name of fresh) present.add(name);
    // Some are made anew under the same name, some go.
    for (const name of old)
      if (random() < 0.15) commands.push(['--', 'lsp-del', name, ...add(name)]);
      else if (random() < 0.05) {
        commands.push(['--', 'lsp-del', name]);
        present.delete(name);
      }
    while (commands.length > 0) {
      const some = commands.splice(0, 1 + Math.floor(random() * 50));
      await central.nbctl(...some.flat().slice(1));
      if (random() < 0.3) await central.nbctl('--wait=hv', 'sync');
    }
    await Promise.all(work);
    const expected = [...present].map((name) => `${name}=${hostOf(name) !== undefined}`).sort();
    const found = async () => {
      await central.nbctl('--wait=hv', 'sync');
      const rows = await central.nbctl(
        '--format=csv',
        '--no-headings',
        '--columns=name,up',
        'list',
        'Logical_Switch_Port',
      );
      return rows
        .split('\n')
        .map((row) => row.replace(/"/g, '').replace(',', '='))
        .sort();
    };
    const deadline = Date.now() + 30_000;
    let state = await found();
    while (state.join() !== expected.join() && Date.now() < deadline) state = await found();
    t.deepEqual(state, expected, `round ${round}, seed ${seed}`);
    const names = await central.sbctl(
      '--format=csv',
      '--no-headings',
      '--columns=_uuid,name',
      'list',
      'Chassis',
    );
    const chassis = new Map(
      names.split('\n').map((row) => row.replace(/"/g, '').split(',') as [string, string]),
    );
    const bindings = await central.sbctl(
      '--format=csv',
      '--no-headings',
      '--columns=logical_port,chassis',
      'list',
      'Port_Binding',
    );
    for (const row of bindings.split('\n')) {
      const [port = '', uuid = ''] = row.replace(/"/g, '').split(',');
      t.is(chassis.get(uuid) ?? '', hostOf(port)?.agent.name ?? '', `${port}, seed ${seed}`);
    }
    for (const { agent } of agents)
      for (const port of agent.ports)
        t.is(port.local, hostOf(port.name)?.agent === agent, `${port.name} at ${agent.name}`);
  }
  const bad = coordinator.log
    .split('\n')
    .filter((line) => /"level":50|"forgotten"|refused a write/.test(line));
  t.deepEqual(bad, []);
});
