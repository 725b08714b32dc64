import { execFileSync } from 'node:child_process';
import type { ExecutionContext } from 'ava';
import { BpfError } from './errors.js';
import { compile } from './fixtures/compile.js';
import { kernelTest } from './fixtures/kernel-test.js';
import { vethPair } from './fixtures/veth.js';
import { BpfObject } from './object.js';
import { type FilterId, TcFilter } from './tc-filter.js';

const tc = (...words: string[]): string => execFileSync('tc', words, { encoding: 'utf8' });

function loaded(t: ExecutionContext): BpfObject {
  const object = BpfObject.open(compile('basic'), { rodata: { verdict: -1 } });
  t.teardown(() => object.close());
  object.load();
  return object;
}

function seen(object: BpfObject): number {
  const counts = object.map('drops').lookupPerCpu(Buffer.alloc(4))!;
  return counts.reduce((sum, value) => sum + value.readUInt32LE(0), 0);
}

kernelTest('a filter is attached, replaced and removed beside a foreign one', async (t) => {
  const pair = vethPair(t);
  const object = loaded(t);
  const [count, constant] = [object.program('count'), object.program('constant')];
  tc('qdisc', 'add', 'dev', pair.name, 'clsact');
  // Ours runs second; the foreign program says "go on" (TC_ACT_UNSPEC).
  tc(
    ...`filter add dev ${pair.name} egress pref 3 bpf direct-action obj ${compile('foreign')} sec tc`.split(
      ' ',
    ),
  );
  const foreign = TcFilter.list(pair.ifindex, 'egress');
  t.deepEqual(
    foreign.map(({ priority, kind }) => [priority, kind]),
    [[3, 'bpf']],
  );

  const id: FilterId = { ifindex: pair.ifindex, direction: 'egress', priority: 7, handle: 0x10 };
  t.is(TcFilter.query(id), undefined);
  t.deepEqual(TcFilter.attach({ ...id, program: count }), { progId: count.id });
  t.deepEqual(TcFilter.query(id), { progId: count.id });
  t.is(TcFilter.query({ ...id, handle: 0x11 }), undefined);
  t.is(TcFilter.query({ ...id, direction: 'ingress' }), undefined);
  await pair.send();
  t.is(seen(object), 1);

  const taken = t.throws(() => TcFilter.attach({ ...id, program: constant }), { instanceOf: BpfError });
  t.is(taken.code, 'EEXIST');
  t.regex(taken.message, /egress filter of interface \d+, priority 7, handle 16.*"replace"/);
  TcFilter.attach({ ...id, program: constant, replace: true });
  t.deepEqual(TcFilter.query(id), { progId: constant.id });
  await pair.send();
  t.is(seen(object), 1);

  t.true(TcFilter.detach(id));
  t.false(TcFilter.detach(id));
  t.deepEqual(TcFilter.list(pair.ifindex, 'egress'), foreign);
  t.false(TcFilter.removeQdiscIfUnused(pair.ifindex));
  t.deepEqual(TcFilter.list(pair.ifindex, 'egress'), foreign);
});

kernelTest('clsact is made when absent and removed only when empty', (t) => {
  const pair = vethPair(t);
  const program = loaded(t).program('count');
  const id: FilterId = { ifindex: pair.ifindex, direction: 'ingress', priority: 1, handle: 1 };
  t.is(TcFilter.query(id), undefined);
  t.false(TcFilter.detach(id));
  t.deepEqual(TcFilter.list(pair.ifindex, 'ingress'), []);
  t.false(TcFilter.removeQdiscIfUnused(pair.ifindex));
  TcFilter.attach({ ...id, program, replace: true });
  t.regex(tc('qdisc', 'show', 'dev', pair.name), /clsact/);
  t.deepEqual(TcFilter.list(pair.ifindex, 'ingress'), [{ priority: 1, handle: 1, kind: 'bpf' }]);
  t.false(TcFilter.removeQdiscIfUnused(pair.ifindex));
  t.true(TcFilter.detach(id));
  t.regex(tc('qdisc', 'show', 'dev', pair.name), /clsact/);
  t.true(TcFilter.removeQdiscIfUnused(pair.ifindex));
  t.notRegex(tc('qdisc', 'show', 'dev', pair.name), /clsact/);
});

kernelTest('where an ingress qdisc sits, egress is refused and ingress filters are left alone', (t) => {
  const pair = vethPair(t);
  const program = loaded(t).program('count');
  tc('qdisc', 'add', 'dev', pair.name, 'ingress');
  const ingress: FilterId = { ifindex: pair.ifindex, direction: 'ingress', priority: 1, handle: 1 };
  const egress: FilterId = { ...ingress, direction: 'egress' };
  TcFilter.attach({ ...ingress, program });
  t.throws(() => TcFilter.attach({ ...egress, program, replace: true }), { message: /EBUSY.*ingress qdisc/ });
  t.is(TcFilter.query(egress), undefined);
  t.false(TcFilter.detach(egress));
  t.deepEqual(TcFilter.list(pair.ifindex, 'egress'), []);
  t.deepEqual(TcFilter.query(ingress), { progId: program.id });
});

kernelTest('an interface that is not there', (t) => {
  const program = loaded(t).program('count');
  const id: FilterId = { ifindex: 0x7ffffff0, direction: 'egress', priority: 1, handle: 1 };
  t.throws(() => TcFilter.attach({ ...id, program }), { instanceOf: BpfError, code: 'ENODEV' });
  t.throws(() => TcFilter.query(id), { instanceOf: BpfError, code: 'ENODEV' });
  t.throws(() => TcFilter.detach(id), { instanceOf: BpfError, code: 'ENODEV' });
});
