import type { ExecutionContext } from 'ava';
import { compile } from './fixtures/compile.js';
import { kernelTest } from './fixtures/kernel-test.js';
import { BpfMap, type MapSpec } from './map.js';
import { keysOneByOne } from './map-batch.js';
import { mapFlags } from './map-type.js';
import { BpfObject } from './object.js';

const MANY = 100_000;

function create(t: ExecutionContext, spec: Partial<MapSpec> = {}): BpfMap {
  const map = BpfMap.create({ type: 'hash', name: 'm', keySize: 4, valueSize: 8, maxEntries: MANY, ...spec });
  t.teardown(() => map.close());
  return map;
}

/** `count` entries: key i, value 3 i. */
function content(count: number): { keys: Buffer; values: Buffer } {
  const keys = Buffer.from(Uint32Array.from({ length: count }, (_, i) => i).buffer);
  const values = Buffer.from(BigUint64Array.from({ length: count }, (_, i) => BigInt(3 * i)).buffer);
  return { keys, values };
}

const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);

for (const type of ['hash', 'array', 'lru_hash'] as const) {
  kernelTest(`${type}: 100,000 entries are written, read and deleted in batches`, (t) => {
    const map = create(t, { type, maxEntries: type === 'lru_hash' ? 2 * MANY : MANY });
    const { keys, values } = content(MANY);
    map.updateBatch(keys, values, MANY);
    const seen = new Uint8Array(MANY);
    for (const [key, value] of map.entries()) {
      const id = key.readUInt32LE(0);
      if (Number(value.readBigUInt64LE(0)) === 3 * id) seen[id]!++;
    }
    t.is(
      seen.findIndex((times) => times !== 1),
      -1,
    );
    if (type === 'array') return;
    t.is(map.deleteBatch(keys, MANY), MANY);
    t.deepEqual([...map.keys()], []);
  });
}

kernelTest('a sliced batch writes everything and lets the event loop turn in between', async (t) => {
  const map = create(t);
  const { keys, values } = content(MANY);
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await map.updateBatchSliced(keys, values, MANY);
  clearInterval(timer);
  t.true(turns > 3, `${turns} turns`);
  t.deepEqual(map.lookup(u32(MANY - 1)), values.subarray(-8));
});

kernelTest('a refused entry is named, those before it have been written', (t) => {
  const map = create(t, { maxEntries: 5000 });
  const { keys, values } = content(6000);
  t.throws(() => map.updateBatch(keys, values, 6000), {
    message: /E2BIG.*5000 entries were written, entry 5000 .*full/,
  });
  t.is([...map.keys()].length, 5000);
});

kernelTest('deleting keys of which some are absent deletes the others', (t) => {
  const map = create(t);
  const { keys, values } = content(10_000);
  map.updateBatch(keys, values, 10_000);
  for (const id of [0, 1, 4095, 4096, 7000, 9999]) t.true(map.delete(u32(id)));
  t.is(map.deleteBatch(keys, 10_000), 10_000 - 6);
  t.is(map.deleteBatch(keys, 10_000), 0);
  t.deepEqual([...map.keys()], []);
});

kernelTest('entries may be deleted while they are walked', (t) => {
  const map = create(t);
  const { keys, values } = content(10_000);
  map.updateBatch(keys, values, 10_000);
  let walked = 0;
  for (const [key] of map.entries(64)) {
    walked++;
    t.true(map.delete(key));
  }
  t.is(walked, 10_000);
});

kernelTest('a chunk smaller than a hash bucket grows', (t) => {
  const map = create(t, { maxEntries: 1000 });
  const { keys, values } = content(1000);
  map.updateBatch(keys, values, 1000);
  t.is([...map.entries(1)].length, 1000);
});

kernelTest('clear empties hashes and tries, and zeroes arrays', (t) => {
  const { keys, values } = content(9000);
  const hash = create(t);
  hash.updateBatch(keys, values, 9000);
  hash.clear();
  t.deepEqual([...hash.keys()], []);
  const array = create(t, { type: 'array', maxEntries: 9000 });
  array.updateBatch(keys, values, 9000);
  array.clear();
  t.true([...array.entries()].every(([, value]) => value.equals(Buffer.alloc(8))));
  const trie = create(t, { type: 'lpm_trie', keySize: 8, maxEntries: 300, flags: mapFlags.noPrealloc });
  for (let i = 0; i < 300; i++)
    trie.update(Buffer.from([32, 0, 0, 0, 10, 0, i >> 8, i & 255]), Buffer.alloc(8, 1));
  t.is([...trie.entries(7)].length, 300);
  trie.clear();
  t.deepEqual([...trie.keys()], []);
});

kernelTest('the walk key by key may delete what it was given', (t) => {
  const map = create(t);
  const { keys, values } = content(3000);
  map.updateBatch(keys, values, 3000);
  let walked = 0;
  for (const key of keysOneByOne(
    { fd: map.fd, keySize: 4, valueBytes: 8, target: 'map m' },
    map.maxEntries,
  )) {
    walked++;
    t.true(map.delete(key));
  }
  t.is(walked, 3000);
});

kernelTest('the walk key by key repeats and misses nothing when others delete', (t) => {
  const map = create(t);
  const { keys, values } = content(3000);
  map.updateBatch(keys, values, 3000);
  const order = [...map.keys()].map((key) => key.readUInt32LE(0));
  const seen: number[] = [];
  const gone = new Set<number>();
  for (const key of keysOneByOne(
    { fd: map.fd, keySize: 4, valueBytes: 8, target: 'map m' },
    map.maxEntries,
  )) {
    seen.push(key.readUInt32LE(0));
    // Take away what the walk would hold on to next: the kernel then starts from the first key again.
    const ahead = order[seen.length + gone.size];
    if (seen.length % 100 !== 0 || ahead === undefined) continue;
    map.delete(u32(ahead));
    gone.add(ahead);
  }
  t.is(new Set(seen).size, seen.length);
  t.is(new Set([...seen, ...gone]).size, 3000);
  t.true(gone.size > 10);
});

kernelTest('updates and deletes of a map without batch operations go one by one', (t) => {
  const object = BpfObject.open(compile('basic'));
  t.teardown(() => object.close());
  object.load();
  const jumps = create(t, { type: 'prog_array', valueSize: 4, maxEntries: 8 });
  const { fd, id } = object.program('jump');
  const keys = Buffer.concat([u32(1), u32(5), u32(9)]);
  const values = Buffer.concat([u32(fd), u32(fd), u32(fd)]);
  t.throws(() => jumps.updateBatch(keys, values, 3), {
    message: /E2BIG.*2 entries were written, entry 2 was refused/,
  });
  t.deepEqual(
    [...jumps.entries()],
    [
      [u32(1), u32(id)],
      [u32(5), u32(id)],
    ],
  );
  t.is(jumps.deleteBatch(keys.subarray(0, 8), 2), 2);
  t.is(jumps.deleteBatch(keys.subarray(0, 8), 2), 0);
  jumps.updateBatch(keys, values, 2);
  jumps.clear();
  t.deepEqual(
    [...jumps.keys()].filter((key) => jumps.lookup(key)),
    [],
  );
});
