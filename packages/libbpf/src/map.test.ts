import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { possibleCpus } from './cpus.js';
import { BpfError } from './errors.js';
import { bpffs } from './fixtures/bpffs.js';
import { compile } from './fixtures/compile.js';
import { kernelTest } from './fixtures/kernel-test.js';
import { BpfMap, type MapSpec } from './map.js';
import { mapFlags } from './map-type.js';
import { BpfObject } from './object.js';
import { BpfProgram } from './program.js';

const u32 = (...values: number[]): Buffer => Buffer.from(Uint32Array.from(values).buffer);

function create(t: ExecutionContext, spec: Partial<MapSpec> = {}): BpfMap {
  const map = BpfMap.create({ type: 'hash', name: 'm', keySize: 4, valueSize: 4, maxEntries: 4, ...spec });
  t.teardown(() => map.close());
  return map;
}

kernelTest('what is written can be looked up, and deleted once', (t) => {
  const map = create(t, { name: 'flows' });
  t.is(map.lookup(u32(1)), undefined);
  map.update(u32(1), u32(10));
  t.deepEqual(map.lookup(u32(1)), u32(10));
  const value = Buffer.alloc(4);
  t.true(map.lookupInto(u32(1), value));
  t.deepEqual(value, u32(10));
  t.false(map.lookupInto(u32(2), value));
  t.true(map.delete(u32(1)));
  t.false(map.delete(u32(1)));
  t.deepEqual([map.name, map.type, map.keySize, map.valueSize, map.maxEntries], ['flows', 'hash', 4, 4, 4]);
});

kernelTest('update flags and a full map are told apart', (t) => {
  const map = create(t, { maxEntries: 1 });
  t.throws(() => map.update(u32(1), u32(1), 'exist'), { code: 'ENOENT' });
  map.update(u32(1), u32(1), 'noexist');
  t.throws(() => map.update(u32(1), u32(2), 'noexist'), { code: 'EEXIST' });
  map.update(u32(1), u32(2), 'exist');
  const full = t.throws(() => map.update(u32(2), u32(2)), { instanceOf: BpfError });
  t.is(full.code, 'E2BIG');
  t.is(full.target, 'map m');
  t.regex(full.message, /holds at most 1 entries/);
});

kernelTest('buffers of the wrong length never reach the kernel', (t) => {
  const map = create(t);
  t.throws(() => map.lookup(Buffer.alloc(3)), { message: 'map m: the key must have 4 bytes, not 3' });
  t.throws(() => map.update(u32(1), Buffer.alloc(5)), {
    message: 'map m: the value must have 4 bytes, not 5',
  });
  t.throws(() => map.lookupInto(u32(1), Buffer.alloc(2)), { instanceOf: RangeError });
  t.throws(() => map.delete(Buffer.alloc(0)), { instanceOf: RangeError });
  t.throws(() => map.updateBatch(u32(1), u32(1), 2), { message: /keys has 4 bytes, not enough for 2 of 4/ });
  t.throws(() => map.updateBatch(u32(1, 2), u32(1), 2), { message: /values has 4 bytes/ });
  t.throws(() => map.deleteBatch(u32(1), 2), { instanceOf: RangeError });
});

for (const type of ['percpu_hash', 'percpu_array', 'lru_percpu_hash'] as const) {
  kernelTest(`${type}: a value for each possible CPU, rounded up to 8 bytes by the kernel`, (t) => {
    const map = create(t, { type, valueSize: 12 });
    const value = Buffer.from('abcdefghijkl');
    map.update(u32(1), value);
    t.deepEqual(map.lookupPerCpu(u32(1)), Array(possibleCpus()).fill(value));
    t.throws(() => map.lookup(u32(1)), { message: /lookupPerCpu/ });
    const entry = [...map.entries()].find(([key]) => key.equals(u32(1)));
    t.deepEqual(map.splitPerCpu(entry![1]), Array(possibleCpus()).fill(value));
    const values = Buffer.alloc(2 * 16 * possibleCpus(), 9);
    map.updateBatch(u32(2, 3), values, 2);
    t.deepEqual(map.lookupPerCpu(u32(3)), Array(possibleCpus()).fill(Buffer.alloc(12, 9)));
    map.clear();
    t.deepEqual(
      map.lookupPerCpu(u32(3)),
      type === 'percpu_array' ? Array(possibleCpus()).fill(Buffer.alloc(12)) : undefined,
    );
  });
}

kernelTest('a per-CPU lookup in an ordinary map is refused', (t) => {
  t.throws(() => create(t).lookupPerCpu(u32(1)), { instanceOf: BpfError, message: /of type hash/ });
});

kernelTest('inner maps are swapped in a map of maps', (t) => {
  const object = BpfObject.open(compile('basic'));
  t.teardown(() => object.close());
  object.load();
  const count = object.program('count');
  const run = (): number => count.testRun({ data: Buffer.alloc(64) }).retval;
  t.is(run(), -1);
  // Another size than the template's 1.
  const first = create(t, { valueSize: 8, maxEntries: 100 });
  first.update(u32(0), u32(11, 0));
  object.map('tables').updateFd(u32(1), first);
  t.is(run(), 11);
  t.deepEqual(object.map('tables').lookup(u32(1)), u32(first.id));
  const second = create(t, { valueSize: 8, maxEntries: 7 });
  second.update(u32(0), u32(22, 0));
  object.map('tables').updateFd(u32(1), second);
  t.is(run(), 22);
  const wrong = create(t, { valueSize: 4 });
  t.throws(() => object.map('tables').updateFd(u32(1), wrong), { code: 'EINVAL' });
});

kernelTest('a map of maps is created from a template', (t) => {
  const template = BpfMap.create({
    type: 'array',
    name: 'in',
    keySize: 4,
    valueSize: 8,
    maxEntries: 1,
    flags: mapFlags.innerMap,
  });
  const outer = create(t, { type: 'hash_of_maps', innerMap: template });
  template.close();
  const inner = create(t, { type: 'array', valueSize: 8, maxEntries: 50, flags: mapFlags.innerMap });
  outer.updateFd(u32(5), inner);
  t.deepEqual([...outer.entries()], [[u32(5), u32(inner.id)]]);
});

kernelTest('a pinned map outlives its descriptor', (t) => {
  const path = join(bpffs(t), 'm');
  const map = create(t);
  map.update(u32(1), u32(2));
  map.pin(path);
  const { id } = map;
  map.close();
  map.close();
  t.throws(() => map.lookup(u32(1)), { code: 'EBADF' });
  t.throws(() => map.id, { code: 'EBADF' });
  const opened = BpfMap.openPinned(path);
  t.teardown(() => opened.close());
  t.is(opened.id, id);
  t.deepEqual(opened.lookup(u32(1)), u32(2));
  t.throws(() => BpfProgram.openPinned(path), { message: /holds bpf-map, not a program/ });
  const byId = BpfMap.openId(id);
  t.deepEqual(byId.lookup(u32(1)), u32(2));
  byId.close();
  unlinkSync(path);
  t.throws(() => BpfMap.openPinned(path), { instanceOf: BpfError, code: 'ENOENT' });
});

kernelTest('a map that cannot be is refused with its name and type', (t) => {
  const error = t.throws(() => create(t, { type: 'lpm_trie', name: 'routes' }), { instanceOf: BpfError });
  t.is(error.message.split(':')[0], 'create lpm_trie map routes');
  t.is(error.code, 'EINVAL');
});
