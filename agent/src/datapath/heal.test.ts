import { once } from 'node:events';
import { existsSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { BpfLink, BpfMap, features, TcFilter } from '@iovisor-ovn/libbpf';
import { ResourceType } from '@iovisor-ovn/proto';
import test, { type ExecutionContext } from 'ava';
import { datapathProblems } from '../report/problems.js';
import { portIntent, switchIntent } from '../testsupport/intents.js';
import { type Machine, sh } from '../testsupport/namespace.js';
import type { HookChoice } from './attach/hooksFor.js';
import type { Difference } from './audit/difference.js';
import type { Datapath } from './datapath.js';
import { type ConfigMap, u32 } from './entry.js';
import { all, Kernel, more, without } from './testsupport/kernel.js';

const mac = (n: number) => `0a:00:00:00:00:${n.toString(16).padStart(2, '0')}`;
/** Often enough for a test … */
const SOON = 50;
/** … and never within one. */
const LATER = 600_000;
const tcx = features().tcx ? test.serial : test.serial.skip;
const PLACE = { direction: 'ingress', priority: 1, handle: 0x696f7631 } as const;

interface Site {
  kernel: Kernel;
  datapath: Datapath;
  a: Machine;
  b: Machine;
  /** Of a's tap. */
  ifindex: number;
}

async function configured(
  t: ExecutionContext,
  hook: HookChoice,
  recheckMs: number,
  maxEntries?: Record<string, number>,
): Promise<Site> {
  const kernel = await Kernel.open(t);
  const datapath = await kernel.start(hook, maxEntries, recheckMs);
  const [a, b] = [await kernel.machine(mac(1), '10.0.0.1/24'), await kernel.machine(mac(2), '10.0.0.2/24')];
  await kernel.plug({ a, b });
  const port = (id: string, n: number) =>
    portIntent(id, 's', n, {
      local: true,
      addresses: [`${mac(n)} 10.0.0.${n}`],
      portSecurity: [`${mac(n)} 10.0.0.${n}`],
    });
  await datapath.apply(all(switchIntent('s', 5), port('a', 1), port('b', 2)));
  return { kernel, datapath, a, b, ifindex: (await kernel.link(a)).ifindex };
}

/** Resolves with the next repairs, as many as are awaited. */
function repairs({ damages }: Datapath, count: number): Promise<Difference[]> {
  const found: Difference[] = [];
  return new Promise((resolve) => {
    const onRepaired = (difference: Difference) => {
      if (found.push(difference) < count) return;
      damages.off('repaired', onRepaired);
      resolve(found);
    };
    damages.on('repaired', onRepaired);
  });
}

/** Resolves when that many rounds came to their end. */
async function rounds({ rounds: all }: Datapath, count: number): Promise<void> {
  for (const end = all.done + count; all.done < end; ) await setTimeout(10);
}

async function forwards(datapath: Datapath): Promise<void> {
  while (datapath.forwarding.size < 2) await once(datapath, 'forwarding');
}

const texts = (differences: readonly Difference[]) =>
  differences.map(({ kind, where, wanted, found }) =>
    [kind, where, wanted && 'wanted', found && 'found'].join(' ').trim(),
  );

test.serial(
  'rows of maps that somebody deletes, changes or adds are put right, and traffic passes again',
  async (t) => {
    const { kernel, datapath, a } = await configured(t, 'auto', SOON);
    const open = (name: ConfigMap) => {
      const map = BpfMap.openPinned(join(kernel.versioned, 'maps', name));
      t.teardown(() => map.close());
      return map;
    };
    const [ifindex, fdb, security] = [open('iov_ifindex'), open('iov_fdb'), open('iov_security_ip4')];
    // All in one turn, so that no round comes in between.
    const repaired = repairs(datapath, 3);
    const [slot] = [...ifindex.entries()].find(([, value]) => value.some((byte) => byte !== 0))!;
    ifindex.update(slot, Buffer.alloc(ifindex.valueSize));
    const [key, value] = [...fdb.entries()][0]!;
    fdb.update(key, Buffer.from(value).fill(0xff));
    const foreign = Buffer.alloc(12);
    foreign.writeUInt32LE(64);
    foreign.writeUInt32LE(0x1234, 4);
    security.update(foreign, Buffer.from([1]));
    t.false(a.pings('10.0.0.2', 1), 'pings() holds the event loop');
    t.deepEqual(texts(await repaired).sort(), [
      'map iov_fdb wanted found',
      'map iov_ifindex wanted',
      'map iov_security_ip4  found',
    ]);
    t.true(a.pings('10.0.0.2'));
    t.true(datapath.damages.none);
    t.is(datapath.damages.repairs.get('map'), 3);
    t.deepEqual((await datapath.audit()).differences, []);
  },
);

test.serial(
  'a row comes back into a map that somebody has filled up, and what does not fit for want of room is no damage',
  async (t) => {
    const { kernel, datapath } = await configured(t, 'auto', SOON, { iov_arp: 2 });
    const repaired = repairs(datapath, 2);
    kernel.read('iov_arp', (map) => {
      const [[key, value]] = [...map.entries()] as [[Buffer, Buffer]];
      map.delete(key);
      map.update(Buffer.alloc(map.keySize, 0xee), value);
    });
    t.deepEqual(texts(await repaired).sort(), ['map iov_arp  found', 'map iov_arp wanted']);
    t.true(datapath.damages.none);
    const { refusals } = await datapath.apply(
      more(portIntent('c', 's', 3, { local: true, addresses: [`${mac(3)} 10.0.0.3`] })),
    );
    t.is(refusals.length, 1);
    await rounds(datapath, 2);
    t.true(datapath.damages.none);
    t.is(datapath.damages.repairs.get('map'), 2);
  },
);

test.serial(
  'a clsact filter, or all of clsact, that is deleted comes back at once; that of somebody else stays',
  async (t) => {
    const { datapath, a, ifindex } = await configured(t, 'clsact', LATER);
    const program = datapath.loaded.modules.programs.iov_switch!;
    const foreign = { ifindex, direction: 'ingress', priority: 7, handle: 9 } as const;
    TcFilter.attach({ ...foreign, program });
    let repaired = repairs(datapath, 1);
    TcFilter.detach({ ...PLACE, ifindex });
    t.false(a.pings('10.0.0.2', 1));
    t.deepEqual(texts(await repaired), [`attachment ${a.tap} wanted`]);
    t.true(a.pings('10.0.0.2'));
    t.is(TcFilter.query(foreign)?.progId, program.id);
    repaired = repairs(datapath, 1);
    sh('tc', 'qdisc', 'del', 'dev', a.tap, 'clsact');
    await repaired;
    t.true(a.pings('10.0.0.2'));
    t.is(datapath.damages.repairs.get('attachment'), 2);
  },
);

tcx('a TCX link that is detached by hand is made again, and so are pins', async (t) => {
  const { kernel, datapath, a, ifindex } = await configured(t, 'tcx', SOON);
  await datapath.attachments.settled();
  const pin = join(kernel.versioned, 'links', `entry-${ifindex}`);
  let repaired = repairs(datapath, 1);
  const link = BpfLink.openPinned(pin);
  link.detach();
  link.close();
  t.false(a.pings('10.0.0.2', 1));
  t.deepEqual(texts(await repaired), [`attachment ${a.tap} wanted`]);
  await forwards(datapath);
  t.true(a.pings('10.0.0.2'));
  const map = join(kernel.versioned, 'maps', 'iov_fdb');
  repaired = repairs(datapath, 2);
  for (const path of [pin, map]) unlinkSync(path);
  t.deepEqual(texts(await repaired).sort(), [`pin ${map} wanted`, `pin ${a.tap} wanted`].sort());
  for (const path of [pin, map]) t.true(existsSync(path));
  t.true(datapath.damages.none);
});

test.serial('a slot of the program array that is emptied, or leads elsewhere, is filled again', async (t) => {
  const { datapath, a } = await configured(t, 'auto', SOON);
  const { iov_programs: array } = datapath.loaded.maps;
  const slots = Array.from({ length: array.maxEntries }, (_, slot) => slot);
  const before = slots.map((slot) => array.lookup(u32(slot))?.readUInt32LE());
  const used = slots.filter((slot) => before[slot] !== undefined);
  const repaired = repairs(datapath, used.length);
  for (const slot of used.slice(1)) array.delete(u32(slot));
  array.updateFd(u32(used[0]!), datapath.loaded.modules.uplink);
  t.false(a.pings('10.0.0.2', 1));
  t.true((await repaired).every(({ kind, where }) => `${kind} ${where}` === 'program iov_programs'));
  t.deepEqual(
    slots.map((slot) => array.lookup(u32(slot))?.readUInt32LE()),
    before,
  );
  t.true(a.pings('10.0.0.2'));
});

test.serial(
  'what cannot be put right is said until it is gone: the place of a filter is taken',
  async (t) => {
    const { datapath, a, ifindex } = await configured(t, 'clsact', SOON);
    const program = datapath.loaded.modules.programs.iov_switch!;
    let changed = once(datapath.damages, 'changed');
    TcFilter.attach({ ...PLACE, ifindex, program, replace: true });
    await changed;
    t.false(datapath.damages.none);
    const problems = datapathProblems(datapath, 'hv1').map(({ name, message }) => `${name}: ${message}`);
    t.true(
      problems.some((text) =>
        /somebody changed the entry program in the kernel \(wanted program \d+, found nothing\), and it is not repaired: .*belongs to another program/.test(
          text,
        ),
      ),
      problems.join('\n'),
    );
    t.is(TcFilter.query({ ...PLACE, ifindex })?.progId, program.id, 'it is left alone');
    changed = once(datapath.damages, 'changed');
    TcFilter.detach({ ...PLACE, ifindex });
    await changed;
    t.true(datapath.damages.none);
    t.deepEqual(datapathProblems(datapath, 'hv1'), []);
    await forwards(datapath);
    t.true(a.pings('10.0.0.2'));
  },
);

test.serial(
  'changes of our own are no damage: intents while rounds are made, and taps that go',
  async (t) => {
    const { kernel, datapath, a, b } = await configured(t, 'auto', SOON);
    const wrong: Difference[] = [];
    datapath.damages.on('repaired', (difference) => wrong.push(difference));
    datapath.damages.on('changed', () => t.fail('damage that could not be repaired'));
    const remote = (n: number) =>
      portIntent(`r${n}`, 's', 10 + n, { chassis: 'hv2', addresses: [`${mac(10 + n)} 10.0.1.${n}`] });
    const { done } = datapath.rounds;
    for (let n = 0; datapath.rounds.done < done + 4; n = (n + 1) % 50) {
      await datapath.apply(more(remote(n)));
      await datapath.apply(without({ type: ResourceType.LOGICAL_PORT, id: `r${n}` }));
      await setImmediate();
    }
    t.log(`a round: ${Math.round(datapath.rounds.spent / datapath.rounds.done)} ms`);
    sh('ip', 'link', 'del', a.tap);
    await rounds(datapath, 2);
    await kernel.plug({ b });
    t.deepEqual(wrong, []);
    t.true(datapath.damages.none);
  },
);
