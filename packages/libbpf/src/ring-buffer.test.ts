import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

import { compile } from './fixtures/compile.js';
import { kernelTest, serialKernelTest } from './fixtures/kernel-test.js';
import { BpfError, BpfObject, RingBuffer } from './index.js';

function load() {
  const object = BpfObject.open(compile('ringbuf'));
  object.load();
  /** Has the program write records; of how many there was room for. */
  const tell = (count: number, tag = 0n): number => {
    const value = Buffer.alloc(8);
    value.writeBigUInt64LE(tag);
    object.map('plain').update(Buffer.alloc(4), value);
    return object.program('tell').testRun({ data: Buffer.alloc(64), ctx: { mark: count } }).retval;
  };
  return { object, map: object.map('events'), tell };
}

/** Collects records, and resolves when there are enough. */
class Collector {
  readonly records: { number: number; length: number; tag: bigint }[] = [];
  #enough: (() => void) | undefined;
  #wanted = Infinity;

  readonly take = (record: Buffer): void => {
    this.records.push({
      number: record.readUInt32LE(0),
      length: record.readUInt32LE(4),
      tag: record.readBigUInt64LE(8),
    });
    if (this.records.length >= this.#wanted) this.#enough?.();
  };

  async reach(count: number): Promise<void> {
    this.#wanted = count;
    if (this.records.length >= count) return;
    await new Promise<void>((resolve) => {
      this.#enough = resolve;
    });
  }
}

kernelTest('records come once, in order, also those written before, and wake the event loop', async (t) => {
  const { object, map, tell } = load();
  t.is(tell(2, 1n), 2);
  const collector = new Collector();
  const ring = new RingBuffer(map, collector.take);
  await collector.reach(2);
  for (let round = 2n; round < 6n; round++) {
    t.is(tell(3, round), 3);
    await collector.reach(collector.records.length + 3);
  }
  t.deepEqual(
    collector.records.map(({ number, tag }) => [number, tag]),
    [
      [0, 1n],
      [1, 1n],
      ...[2n, 3n, 4n, 5n].flatMap((tag) => [0, 1, 2].map((number) => [number, tag] as [number, bigint])),
    ],
  );
  t.true(collector.records.every(({ length }) => length === 64));
  ring.close();
  ring.close();
  object.close();
});

serialKernelTest('while nothing is written it does nothing at all', async (t) => {
  const { object, map, tell } = load();
  const collector = new Collector();
  const ring = new RingBuffer(map, collector.take);
  tell(1);
  await collector.reach(1);
  await setImmediate();
  // Another thread says when 300 ms are over: this one would see its own turns.
  const worker = new Worker("require('worker_threads').parentPort; setTimeout(() => {}, 300)", {
    eval: true,
  });
  await once(worker, 'online');
  const [cpu, idle] = [process.cpuUsage(), performance.eventLoopUtilization()];
  await once(worker, 'exit');
  const { utilization } = performance.eventLoopUtilization(idle);
  t.true(utilization < 0.2, `the event loop was busy for ${utilization} of the time`);
  t.true(process.cpuUsage(cpu).user < 200_000);
  ring.close();
  object.close();
});

kernelTest('much at once is read in slices, the event loop turns in between', async (t) => {
  const { object, map, tell } = load();
  const total = 64 * 60;
  for (let i = 0; i < total / 64; i++) t.is(tell(64), 64);
  const collector = new Collector();
  let turns = 0;
  let stop = false;
  const turning = (async () => {
    while (!stop) {
      await setImmediate();
      if (collector.records.length > 0 && collector.records.length < total) turns++;
    }
  })();
  const ring = new RingBuffer(map, collector.take, { sliceMs: 0 });
  await collector.reach(total);
  stop = true;
  await turning;
  t.true(turns >= total / 2, `${turns} turns`);
  t.is(collector.records.length, total);
  ring.close();
  object.close();
});

kernelTest('it pauses between two readings; what comes meanwhile is not lost', async (t) => {
  const { object, map, tell } = load();
  const collector = new Collector();
  const patient = new RingBuffer(map, collector.take, { pauseMs: 3_600_000 });
  tell(1);
  await collector.reach(1);
  tell(5);
  for (let turn = 0; turn < 20; turn++) await setImmediate();
  t.is(collector.records.length, 1);
  patient.close();
  const ring = new RingBuffer(map, collector.take, { pauseMs: 1 });
  await collector.reach(6);
  tell(2);
  await collector.reach(8);
  ring.close();
  object.close();
});

kernelTest('closed while it reads, it stops; the next reader goes on', async (t) => {
  const { object, map, tell } = load();
  tell(5);
  const seen: number[] = [];
  await new Promise<void>((resolve) => {
    const first = new RingBuffer(map, (record) => {
      seen.push(record.readUInt32LE(0));
      if (seen.length < 2) return;
      first.close();
      resolve();
    });
  });
  await setImmediate();
  t.deepEqual(seen, [0, 1]);
  const collector = new Collector();
  const second = new RingBuffer(map, collector.take);
  await collector.reach(3);
  t.deepEqual(
    collector.records.map(({ number }) => number),
    [2, 3, 4],
  );
  second.close();
  object.close();
});

kernelTest('when it is full the program learns it, and what was in comes', async (t) => {
  const { object, map, tell } = load();
  let written = 0;
  for (let last = 64; last === 64; ) {
    last = tell(64);
    written += last;
  }
  const collector = new Collector();
  const ring = new RingBuffer(map, collector.take);
  await collector.reach(written);
  t.is(tell(1), 1);
  await collector.reach(written + 1);
  ring.close();
  object.close();
});

kernelTest('a map of another type is refused', (t) => {
  const { object } = load();
  const error = t.throws(() => new RingBuffer(object.map('plain'), () => {}), { instanceOf: BpfError });
  t.is(error.code, 'EINVAL');
  t.regex(error.message, /read ring buffer plain/);
  object.close();
});
