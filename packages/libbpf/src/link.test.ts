import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { BpfError } from './errors.js';
import { bpffs } from './fixtures/bpffs.js';
import { compile } from './fixtures/compile.js';
import { kernelTest } from './fixtures/kernel-test.js';
import { vethPair } from './fixtures/veth.js';
import { listLinks } from './ids.js';
import { BpfLink } from './link.js';
import { BpfMap } from './map.js';
import { BpfObject } from './object.js';
import type { BpfProgram } from './program.js';

interface Counting {
  count: BpfProgram;
  other: BpfProgram;
  /** Packets `count` has seen. */
  seen(): number;
}

function counting(t: ExecutionContext): Counting {
  const object = BpfObject.open(compile('basic'), { rodata: { verdict: -1 } });
  t.teardown(() => object.close());
  object.load();
  const drops = object.map('drops');
  const seen = (): number =>
    drops.lookupPerCpu(Buffer.alloc(4))!.reduce((sum, value) => sum + value.readUInt32LE(0), 0);
  return { count: object.program('count'), other: object.program('constant'), seen };
}

kernelTest('a TCX link sees packets until it is updated, and again, and is detached', async (t) => {
  const pair = vethPair(t);
  const { count, other, seen } = counting(t);
  const link = BpfLink.attachTcx(count, pair.ifindex, 'egress');
  t.teardown(() => link.close());
  const { id, ...info } = link.info();
  t.true(id > 0);
  t.deepEqual(info, { progId: count.id, ifindex: pair.ifindex, attachType: 'egress' });
  await pair.send();
  t.is(seen(), 1);
  link.update(other);
  t.is(link.info().progId, other.id);
  await pair.send();
  t.is(seen(), 1);
  link.update(count);
  await pair.send();
  t.is(seen(), 2);
  link.detach();
  await pair.send();
  t.is(seen(), 2);
});

kernelTest('attaching and detaching on another thread lets the event loop turn', async (t) => {
  const pair = vethPair(t);
  const { count, seen } = counting(t);
  let turns = 0;
  const turn = (): void => {
    turns++;
    timer = setImmediate(turn);
  };
  let timer = setImmediate(turn);
  const link = await BpfLink.attachTcxAsync(count, pair.ifindex, 'egress');
  t.teardown(() => link.close());
  t.true(turns > 0);
  t.like(link.info(), { progId: count.id, ifindex: pair.ifindex, attachType: 'egress' });
  await pair.send();
  t.is(seen(), 1);
  turns = 0;
  await link.detachAsync();
  t.true(turns > 0);
  clearImmediate(timer);
  await pair.send();
  t.is(seen(), 1);
  pair.remove();
  await t.throwsAsync(BpfLink.attachTcxAsync(count, pair.ifindex, 'egress'), {
    instanceOf: BpfError,
    code: 'ENODEV',
  });
});

kernelTest('a pinned link stays attached without its descriptor, an unpinned one does not', async (t) => {
  const directory = bpffs(t);
  const pair = vethPair(t);
  const { count, seen } = counting(t);
  const link = BpfLink.attachTcx(count, pair.ifindex, 'egress');
  link.pin(join(directory, 'link'));
  const { id } = link.info();
  link.close();
  link.close();
  t.throws(() => link.info(), { message: /EBADF/ });
  await pair.send();
  t.is(seen(), 1);
  const again = BpfLink.openPinned(join(directory, 'link'));
  t.is(again.info().id, id);
  t.true([...listLinks()].some((one) => one.id === id && one.ifindex === pair.ifindex));
  again.detach();
  t.is(again.info().ifindex, 0);
  again.close();
  const loose = BpfLink.attachTcx(count, pair.ifindex, 'egress');
  await pair.send();
  t.is(seen(), 2);
  loose.close();
  await pair.send();
  t.is(seen(), 2);
});

kernelTest('a link whose interface is gone says ENOLINK', (t) => {
  const pair = vethPair(t);
  const { count, other } = counting(t);
  const link = BpfLink.attachTcx(count, pair.ifindex, 'ingress');
  t.teardown(() => link.close());
  pair.remove();
  t.is(link.info().ifindex, 0);
  t.throws(() => link.update(other), {
    instanceOf: BpfError,
    code: 'ENOLINK',
    message: /TCX ingress of interface/,
  });
});

kernelTest('an attachment that cannot be says why', (t) => {
  const { count } = counting(t);
  t.throws(() => BpfLink.attachTcx(count, 0x7ffffff0, 'ingress'), { message: /ENODEV.*No such interface/ });
  const pin = join(bpffs(t), 'map');
  const map = BpfMap.create({ type: 'array', name: 'm', keySize: 4, valueSize: 4, maxEntries: 1 });
  map.pin(pin);
  map.close();
  t.throws(() => BpfLink.openPinned(pin), { message: /holds bpf-map, not a link/ });
});
