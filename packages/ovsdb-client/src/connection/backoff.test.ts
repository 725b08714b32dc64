import test from 'ava';
import { Backoff } from './backoff.js';

test('doubles up to the limit, with jitter between half and all, and starts over after a reset', (t) => {
  const least = new Backoff({ minMs: 1000, maxMs: 8000 }, () => 0);
  t.deepEqual(
    Array.from({ length: 6 }, () => least.next()),
    [500, 1000, 2000, 4000, 4000, 4000],
  );
  const most = new Backoff({ minMs: 1000, maxMs: 8000 }, () => 1);
  t.deepEqual(
    Array.from({ length: 6 }, () => most.next()),
    [1000, 2000, 4000, 8000, 8000, 8000],
  );
  most.reset();
  t.is(most.next(), 1000);
});
