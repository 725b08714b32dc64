import test from 'ava';
import { MonotoneSum } from './monotone.js';

test('a sum of counters that go and begin anew never falls', (t) => {
  const sum = new MonotoneSum();
  sum.note('1', 10n);
  sum.note('2', 5n);
  t.is(sum.total, 15n);
  sum.note('1', 12n);
  t.is(sum.total, 17n);
  // Port 2 is gone: what it had stays. Its number goes to another port, which counts from 0.
  sum.keepOnly((key) => key !== '2');
  sum.note('1', 12n);
  t.is(sum.total, 17n);
  sum.note('2', 5n);
  t.is(sum.total, 22n);
  // It began anew unseen.
  sum.note('2', 1n);
  t.is(sum.total, 23n);
});
