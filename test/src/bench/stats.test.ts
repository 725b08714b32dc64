import test from 'ava';
import { median, quantile } from './stats.js';

test.serial('quantile takes the nearest rank', (t) => {
  const numbers = [5, 1, 4, 2, 3];
  t.is(quantile(numbers, 0), 1);
  t.is(quantile(numbers, 0.5), 3);
  t.is(quantile(numbers, 0.95), 5);
  t.is(quantile([7], 0.5), 7);
  t.throws(() => quantile([], 0.5), { message: 'no measurements' });
});

test.serial('median of an odd and of an even number of values', (t) => {
  t.is(median([3, 1, 2]), 2);
  t.is(median([4, 1, 3, 2]), 2.5);
  t.is(median([9]), 9);
  t.is(median([1, 2]), 1.5);
});
