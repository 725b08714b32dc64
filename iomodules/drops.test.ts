import test from 'ava';
import { dropReasons } from './drops.js';
import { iov_drop } from './gen/abi.js';

test('every reason of the ABI has a text, in the order of its values', (t) => {
  t.deepEqual(
    dropReasons.map(({ value }) => value),
    Array.from({ length: iov_drop.IOV_DROP_COUNT - 1 }, (_, i) => i + 1),
  );
  for (const { name, value, description } of dropReasons) {
    t.is((iov_drop as Record<string, number>)[`IOV_DROP_${name.toUpperCase()}`], value);
    t.regex(description, /^[A-Z].*\.$/);
  }
});
