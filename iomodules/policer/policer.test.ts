import test from 'ava';
import type { JsonObject } from '../builtin/module.js';
import { policer_bucketCodec, policer_countersCodec } from '../gen/policer.js';
import { ether, ModuleLab, number32 } from '../testing/index.js';
import { policer } from './policer.js';

const frame = ether({ src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02', type: 0x88b5 }, Buffer.alloc(86));
const open = (t: { teardown(work: () => void): void }, config: JsonObject = {}) => {
  const lab = ModuleLab.open(t, policer, config);
  return lab;
};
/** One byte a second: nothing to speak of flows in while a test runs. */
const limit = (port: string, burst: number) => ({ port, bytes_per_second: 1, burst });
const passing = (lab: ModuleLab, port: number, tries: number, ctx = {}) =>
  Array.from({ length: tries }, () => lab.run(frame, port, ctx)).filter(({ action }) => action === 'forward')
    .length;

test('without limits, all goes from one port to the other', (t) => {
  const lab = open(t);
  t.like(lab.run(frame, 1), { action: 'forward', port: 2, data: frame });
  t.like(lab.run(frame, 2), { action: 'forward', port: 1 });
  t.like(lab.run(frame, 3), { action: 'drop', reason: 'NOT_FOR_US' });
});

test('each direction has a bucket of its own, and counters', (t) => {
  const lab = open(t, { limits: [limit('p1', 1000), limit('p2', 350)] });
  t.is(passing(lab, 1, 15), 10);
  t.is(passing(lab, 2, 15), 3);
  t.like(lab.run(frame, 1), { action: 'drop', reason: 'RATE' });
  t.deepEqual(policer_countersCodec.decode(lab.map('counters').lookup(number32(1))!), {
    packets: 10n,
    bytes: 1000n,
    dropped_packets: 6n,
    dropped_bytes: 600n,
  });
});

test('the segments of a large packet count with their headers', (t) => {
  const lab = open(t, { limits: [limit('p1', 100 + 2 * 54 + 99)] });
  t.is(passing(lab, 1, 1, { gso_size: 30, gso_segs: 3 }), 1);
  t.is(passing(lab, 1, 1), 0);
});

test('what flows in meanwhile', (t) => {
  const lab = open(t, { limits: [{ port: 'p1', bytes_per_second: 10, burst: 1000 }] });
  const full_at = process.hrtime.bigint() + 49_500_000_000n;
  const row = policer_bucketCodec.decode(lab.map('buckets').lookup(number32(1))!);
  lab.map('buckets').update(number32(1), policer_bucketCodec.encode({ ...row, full_at }));
  t.is(passing(lab, 1, 10), 5);
});

test('a packet larger than the bucket needs a full one', (t) => {
  const lab = open(t, { limits: [limit('p1', 50)] });
  t.is(passing(lab, 1, 3), 1);
});

test('a new limit starts with a full bucket; the same one goes on; without one there is none', (t) => {
  const lab = open(t, { limits: [limit('p1', 200)] });
  t.is(passing(lab, 1, 5), 2);
  lab.configure({ limits: [limit('p1', 200)] });
  t.is(passing(lab, 1, 5), 0);
  lab.configure({ limits: [limit('p1', 300)] });
  t.is(passing(lab, 1, 5), 3);
  lab.configure({});
  t.is(passing(lab, 1, 50), 50);
});

test('the largest numbers', (t) => {
  const lab = open(t, {
    limits: [
      { port: 'p1', bytes_per_second: 2 ** 40, burst: 2 ** 33 },
      { port: 'p2', bytes_per_second: 1, burst: 2 ** 33 },
    ],
  });
  t.is(passing(lab, 1, 50), 50);
  t.is(passing(lab, 2, 50), 50);
});

for (const [config, message] of [
  [{ limits: [{ port: 'p1', bytes_per_second: 0 }] }, /^limits\[0\]\.bytes_per_second: an integer from 1/],
  [{ limits: [limit('p1', 2 ** 34)] }, /^limits\[0\]\.burst: an integer/],
  [{ limits: [limit('p1', 5), limit('p1', 6)] }, /^limits: one limit a port/],
  [{ limits: [{ bytes_per_second: 1 }] }, /^limits\[0\]\.port/],
] as const)
  test(`${JSON.stringify(config)} is refused, and nothing changes`, (t) => {
    const lab = open(t, { limits: [limit('p1', 200)] });
    t.throws(() => lab.configure(config as never), { name: 'ConfigError', message });
    t.is(passing(lab, 1, 5), 2);
  });
