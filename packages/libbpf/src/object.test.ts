import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { BpfError } from './errors.js';
import { compile, scratchDirectory } from './fixtures/compile.js';
import { kernelTest } from './fixtures/kernel-test.js';
import { BpfMap } from './map.js';
import { BpfObject, type OpenOptions } from './object.js';

const packet = Buffer.alloc(64);

function opened(t: import('ava').ExecutionContext, options?: OpenOptions): BpfObject {
  const object = BpfObject.open(compile('basic'), options);
  t.teardown(() => object.close());
  return object;
}

kernelTest('an object has its maps and programs by C name, before and after the load', (t) => {
  const object = opened(t);
  t.deepEqual([...object.programs.keys()].sort(), ['constant', 'count', 'echo', 'jump', 'on_xdp']);
  t.deepEqual([...object.maps.keys()].sort(), [
    '.rodata',
    'drops',
    'flows',
    'jumps',
    'tables',
    'wants_a_pin',
  ]);
  const flows = object.map('flows');
  t.deepEqual([flows.type, flows.keySize, flows.valueSize, flows.maxEntries], ['hash', 8, 160, 16]);
  const early = t.throws(() => flows.fd, { instanceOf: BpfError });
  t.regex(early.message, /map flows: EBADF .*not loaded/);
  object.load();
  t.true(flows.fd > 0);
  t.true(flows.id > 0);
  t.is(object.program('on_xdp').type, 'xdp');
  t.throws(() => object.load(), { message: /loaded already/ });
});

kernelTest('constants set before the load are what the program sees; the others keep their values', (t) => {
  const object = opened(t, {
    rodata: {
      verdict: -5,
      marked: true,
      answer: 100n,
      table: [7, 8, 9],
      peer: { addr: 0x0a000001, proto: 6 },
    },
  });
  object.load();
  const { retval, ctx } = object.program('constant').testRun({ data: packet });
  t.is(retval, -5);
  t.is(ctx?.mark, 100 + 9 + 6);
  const untouched = opened(t, { rodata: { marked: 1 } });
  untouched.load();
  const result = untouched.program('constant').testRun({ data: packet });
  t.is(result.retval, 7);
  t.is(result.ctx?.mark, 42 + 3 + 17);
  const raw = opened(t, { rodata: { verdict: Buffer.from([3, 0, 0, 0]) } });
  raw.load();
  t.is(raw.program('constant').testRun({ data: packet }).retval, 3);
});

kernelTest('a constant that is not there or does not fit is refused by name', (t) => {
  t.throws(() => opened(t, { rodata: { verdikt: 1 } }), {
    message: /no const volatile global verdikt; there is .*verdict/,
  });
  t.throws(() => opened(t, { rodata: { verdict: 2 ** 31 } }), {
    instanceOf: RangeError,
    message: /global verdict/,
  });
  t.throws(() => opened(t, { rodata: { verdict: Buffer.alloc(3) } }), {
    message: /verdict has 4 bytes, not 3/,
  });
});

kernelTest('max_entries can be set before the load', (t) => {
  const object = opened(t, { maxEntries: { flows: 5000 } });
  t.is(object.map('flows').maxEntries, 5000);
  object.load();
  t.is(object.map('flows').maxEntries, 5000);
  t.throws(() => opened(t, { maxEntries: { flowz: 1 } }), { message: /map flowz .*It has .*flows/ });
});

kernelTest('a reused map keeps its contents and is the same map', (t) => {
  const first = opened(t, { maxEntries: { flows: 64 } });
  first.load();
  const key = Buffer.from('0100000002000000', 'hex');
  const value = Buffer.alloc(160, 7);
  first.map('flows').update(key, value);
  const second = opened(t, { reuse: { flows: first.map('flows') } });
  second.load();
  t.is(second.map('flows').id, first.map('flows').id);
  t.is(second.map('flows').maxEntries, 64);
  first.close();
  t.deepEqual(second.map('flows').lookup(key), value);
});

kernelTest('a map is reused whatever type the source says, if told so', (t) => {
  const lru = BpfMap.create({ type: 'lru_hash', name: 'lru', keySize: 8, valueSize: 160, maxEntries: 16 });
  t.teardown(() => lru.close());
  t.throws(() => opened(t, { reuse: { flows: lru } }), { instanceOf: BpfError });
  const object = opened(t, { types: { flows: 'lru_hash' }, reuse: { flows: lru } });
  object.load();
  t.is(object.map('flows').id, lru.id);
  t.is(object.map('flows').type, 'lru_hash');
  t.throws(() => opened(t, { types: { nope: 'hash' } }), { message: /nope/ });
});

kernelTest('a map of another shape is not reused', (t) => {
  const other = BpfMap.create({ type: 'hash', name: 'other', keySize: 8, valueSize: 4, maxEntries: 1 });
  t.teardown(() => other.close());
  const error = t.throws(() => opened(t, { reuse: { flows: other } }), { instanceOf: BpfError });
  t.is(error.code, 'EINVAL');
  t.regex(error.message, /wants a hash with keys of 8 and values of 160 bytes; .* values of 4/);
});

kernelTest('nothing is pinned by itself', (t) => {
  opened(t).load();
  t.false(existsSync('/sys/fs/bpf/wants_a_pin'));
});

kernelTest('a closed object has no usable maps and programs', (t) => {
  const object = opened(t);
  object.load();
  object.close();
  object.close();
  t.throws(() => object.map('flows').lookup(Buffer.alloc(8)), { message: /EBADF/ });
  t.throws(() => object.program('echo').testRun({ data: packet }), { message: /EBADF/ });
  t.throws(() => object.load(), { message: /It is closed/ });
});

kernelTest('a load on another thread', async (t) => {
  const object = opened(t);
  await object.loadAsync();
  t.is(object.program('constant').testRun({ data: packet }).retval, 7);
});

kernelTest('a load under a storm of signals', async (t) => {
  const received = () => signals++;
  let signals = 0;
  process.on('SIGUSR2', received);
  // The verifier gives up with EAGAIN when it sees a signal. One in the time of a process: without a pause nothing would ever be done.
  const storm = spawn('sh', ['-c', `while kill -USR2 ${process.pid} 2>/dev/null; do /bin/true; done`]);
  t.teardown(() => {
    storm.kill('SIGKILL');
    process.off('SIGUSR2', received);
  });
  while (signals === 0) await new Promise(setImmediate);
  for (let round = 0; round < 20; round++) {
    const object = opened(t, { rodata: { verdict: 5 } });
    if (round % 2 === 0) object.load();
    else await object.loadAsync();
    t.is(object.program('constant').testRun({ data: packet }).retval, 5, 'configured as before');
  }
});

kernelTest('unknown names are answered with the known ones', (t) => {
  const object = opened(t);
  t.throws(() => object.map('flow'), { instanceOf: BpfError, message: /map flow in .*It has .*flows/ });
  t.throws(() => object.program('ech'), { instanceOf: BpfError, message: /program ech in .*echo/ });
});

test('a file that is missing or no object is refused with its name', (t) => {
  t.throws(() => BpfObject.open('/nonexistent/x.o'), { code: 'ENOENT', message: /x\.o/ });
  const text = join(scratchDirectory(), 'text.o');
  writeFileSync(text, 'not an object');
  const error = t.throws(() => BpfObject.open(text), { instanceOf: BpfError });
  t.is(error.code, 'LIBBPF_EFORMAT');
  t.regex(error.message, /text\.o.*\n.*not a proper ELF/s);
});
