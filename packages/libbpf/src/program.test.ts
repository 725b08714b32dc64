import { mkdtempSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isBpffs } from './bpffs.js';
import { Btf } from './btf/btf.js';
import { BpfError } from './errors.js';
import { bpffs } from './fixtures/bpffs.js';
import { compile } from './fixtures/compile.js';
import { kernelTest } from './fixtures/kernel-test.js';
import { vethPair } from './fixtures/veth.js';
import { BpfObject } from './object.js';
import { BpfProgram } from './program.js';
import { skBuffCodec } from './sk-buff.js';

function loaded(t: import('ava').ExecutionContext): BpfObject {
  const object = BpfObject.open(compile('basic'));
  t.teardown(() => object.close());
  object.load();
  return object;
}

kernelTest('a test run hands in packet and context and gives back both', (t) => {
  const pair = vethPair(t);
  const data = Buffer.alloc(60, 1);
  const ctx = { ifindex: pair.ifindex, mark: 9, cb: [3], ingress_ifindex: 12345, priority: 1 };
  const run = loaded(t).program('echo').testRun({ data, ctx });
  t.is(run.retval, -1);
  t.is(run.data.length, 64);
  t.is(run.data[0], 0xab);
  t.is(run.data[59], 1);
  t.is(run.ctx?.mark, 10);
  t.is(run.ctx?.priority, pair.ifindex);
  t.is(run.ctx?.ingress_ifindex, 12345);
  t.deepEqual(run.ctx?.cb, [3, 4, 0, 0, 0]);
  t.deepEqual(data, Buffer.alloc(60, 1));
});

kernelTest('a repeated test run tells nanoseconds a run', (t) => {
  const object = loaded(t);
  const { durationNs } = object.program('count').testRun({ data: Buffer.alloc(64), repeat: 10_000 });
  t.true(durationNs > 0);
  const counted = object.map('drops').lookupPerCpu(Buffer.alloc(4))!;
  t.is(
    counted.reduce((sum, value) => sum + value.readUInt32LE(0), 0),
    10_000,
  );
});

kernelTest('a test run that cannot be says why', (t) => {
  const object = loaded(t);
  const echo = object.program('echo');
  t.throws(() => echo.testRun({ data: Buffer.alloc(13) }), {
    instanceOf: BpfError,
    message: /13 bytes; an Ethernet/,
  });
  t.throws(() => echo.testRun({ data: Buffer.alloc(64), ctx: { ifindex: 0x7ffffff0 } }), {
    message: /ENODEV.*namespace/,
  });
  t.throws(() => echo.testRun({ data: Buffer.alloc(64), dataOutSize: 10 }), {
    message: /grew to 68 .*dataOutSize/,
  });
  t.throws(() => object.program('on_xdp').testRun({ data: Buffer.alloc(64), ctx: { mark: 1 } }), {
    message: /__sk_buff/,
  });
  t.is(object.program('on_xdp').testRun({ data: Buffer.alloc(64) }).ctx, undefined);
});

kernelTest('large packets make the scratch memory grow', (t) => {
  const data = Buffer.alloc(3000, 5);
  const run = loaded(t).program('echo').testRun({ data, dataOutSize: 300_000 });
  t.deepEqual(run.data.subarray(1, 3000), data.subarray(1));
});

kernelTest('a program array calls what is put into it', (t) => {
  const object = loaded(t);
  const jump = object.program('jump');
  t.is(jump.testRun({ data: Buffer.alloc(64) }).retval, -9);
  const slot = Buffer.from([2, 0, 0, 0]);
  object.map('jumps').updateFd(slot, object.program('constant'));
  t.is(jump.testRun({ data: Buffer.alloc(64) }).retval, 7);
  t.true(object.map('jumps').delete(slot));
  t.is(jump.testRun({ data: Buffer.alloc(64) }).retval, -9);
});

kernelTest('info tells what the kernel has', (t) => {
  const object = loaded(t);
  const info = object.program('count').info();
  t.is(info.name, 'count');
  t.is(info.type, 'sched_cls');
  t.is(info.id, object.program('count').id);
  t.regex(info.tag, /^[0-9a-f]{16}$/);
  t.true(info.xlatedLen > 0 && info.jitedLen > 0);
  for (const name of ['drops', 'tables']) t.true(info.mapIds.includes(object.map(name).id), name);
});

kernelTest('a pinned program outlives its object', (t) => {
  const directory = bpffs(t);
  t.true(isBpffs(directory));
  const object = loaded(t);
  const path = join(directory, 'constant');
  object.program('constant').pin(path);
  const { id } = object.program('constant');
  t.throws(() => object.program('constant').pin(path), { message: /EEXIST.*unlink/ });
  object.close();
  const program = BpfProgram.openPinned(path);
  t.is(program.id, id);
  t.is(program.testRun({ data: Buffer.alloc(64) }).retval, 7);
  program.close();
  t.throws(() => program.fd, { message: /EBADF/ });
  const again = BpfProgram.openId(id);
  t.is(again.name, 'constant');
  again.close();
  unlinkSync(path);
  t.throws(() => BpfProgram.openPinned(path), { instanceOf: BpfError, message: /ENOENT/ });
});

kernelTest('pinning where it cannot be says why', (t) => {
  const program = loaded(t).program('constant');
  t.throws(() => program.pin(join(bpffs(t), 'no', 'directory')), { message: /ENOENT.*directory first/ });
  const plain = mkdtempSync('/tmp/libbpf-plain-');
  t.teardown(() => rmdirSync(plain));
  t.throws(() => program.pin(join(plain, 'x')), { message: /EPERM.*mountBpffs/ });
});

kernelTest('the context layout is the kernel’s', (t) => {
  const kernel = Btf.fromKernel().struct('__sk_buff');
  t.is(skBuffCodec.size, kernel.size);
  for (const { name, offset, type } of skBuffCodec.fields) {
    t.deepEqual(
      kernel.fields.find((field) => field.name === name),
      { name, offset, type },
    );
  }
});
