import type { Change } from '@iovisor-ovn/ovsdb-client';
import test from 'ava';
import { listDifference } from './listDifference.js';
import type { LocalTables } from './localTables.js';
import { Topology } from './topology.js';

/** Bridge → name and ports; port → interfaces: all that Topology reads. */
interface Tables {
  readonly Bridge: Map<string, { name: string; ports: string[] }>;
  readonly Port: Map<string, { interfaces: string[] }>;
}

test('the difference of two lists', (t) => {
  const difference = (before: string, now: string) => {
    const { gone, come } = listDifference([...before], [...now]);
    return `-${gone.join('')} +${come.join('')}`;
  };
  t.is(difference('', ''), '- +');
  t.is(difference('abc', 'abc'), '- +');
  t.is(difference('', 'ab'), '- +ab');
  t.is(difference('ab', ''), '-ab +');
  t.is(difference('abd', 'abcd'), '- +c');
  t.is(difference('abcd', 'bc'), '-ad +');
  t.is(difference('aceg', 'bcef'), '-ag +bf');
  t.is(difference('abc', 'cba'), '- +', 'the order does not count');
});

test('random transactions: the same as reading everything anew, and what changed is told', (t) => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  const topology = new Topology();
  let before = makeTables(random);
  for (const batch of [batchOf(empty(), before, random)]) topology.apply(batch);
  for (let round = 0; round < 2000; round++) {
    // Many keep most of what was there, some nothing.
    const now = random(10) === 0 ? makeTables(random) : altered(before, random);
    const told = topology.apply(batchOf(before, now, random));
    const [old, expected] = [readAll(before), readAll(now)];
    const all = [...new Set([...old.keys(), ...expected.keys()])];
    for (const uuid of all) t.is(topology.bridgeOf(uuid), expected.get(uuid));
    const changed = all.filter((uuid) => old.get(uuid) !== expected.get(uuid));
    t.deepEqual([...told].sort(), changed.sort());
    before = now;
  }
});

const empty = (): Tables => ({ Bridge: new Map(), Port: new Map() });

/** Up to 3 bridges, 8 ports and 12 interfaces, each in one place at most. */
function makeTables(random: (below: number) => number): Tables {
  const tables = empty();
  for (const uuid of ['b0', 'b1', 'b2'])
    if (random(4) > 0) tables.Bridge.set(uuid, { name: `n${random(9)}${uuid}`, ports: [] });
  for (let port = 0; port < 8; port++) {
    const owner = tables.Bridge.get(`b${random(3)}`);
    if (owner === undefined) continue;
    owner.ports.push(`p${port}`);
    tables.Port.set(`p${port}`, { interfaces: [] });
  }
  for (let one = 0; one < 12; one++) tables.Port.get(`p${random(8)}`)?.interfaces.push(`i${one}`);
  return tables;
}

/** With one port in another place, one interface too, and perhaps a bridge of another name. */
function altered(tables: Tables, random: (below: number) => number): Tables {
  const { Bridge, Port } = structuredClone(tables);
  const move = (lists: readonly string[][], one: string) => {
    for (const list of lists) if (list.includes(one)) list.splice(list.indexOf(one), 1);
    lists[random(lists.length + 1)]?.push(one);
  };
  const port = `p${random(8)}`;
  const ports = [...Bridge.values()].map((bridge) => bridge.ports);
  move(ports, port);
  if (!ports.some((list) => list.includes(port))) Port.delete(port);
  else if (!Port.has(port)) Port.set(port, { interfaces: [] });
  move(
    [...Port.values()].map(({ interfaces }) => interfaces),
    `i${random(12)}`,
  );
  const named = Bridge.get(`b${random(9)}`);
  if (named !== undefined) named.name = `m${random(99)}`;
  return { Bridge, Port };
}

function readAll({ Bridge, Port }: Tables): Map<string, string> {
  const bridgeOf = new Map<string, string>();
  for (const { name, ports } of Bridge.values())
    for (const port of ports) for (const uuid of Port.get(port)?.interfaces ?? []) bridgeOf.set(uuid, name);
  return bridgeOf;
}

/** The changes in any order, as a server may send them. */
function batchOf(before: Tables, now: Tables, random: (below: number) => number): Change<LocalTables>[] {
  const batch = (['Bridge', 'Port'] as const).flatMap((table) =>
    [...new Set([...before[table].keys(), ...now[table].keys()])].flatMap((uuid) => {
      const [old, row] = [before[table].get(uuid), now[table].get(uuid)];
      if (JSON.stringify(old) === JSON.stringify(row)) return [];
      const kind = old === undefined ? 'insert' : row === undefined ? 'delete' : 'modify';
      return [{ table, uuid, kind, old, row } as unknown as Change<LocalTables>];
    }),
  );
  return batch
    .map((change) => ({ change, at: random(1000) }))
    .sort((a, b) => a.at - b.at)
    .map(({ change }) => change);
}
