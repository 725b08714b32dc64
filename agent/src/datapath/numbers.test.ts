import test from 'ava';
import { Numbers } from './numbers.js';
import { Refused } from './refused.js';

test('dense from 1; the same identity, the same number', (t) => {
  const numbers = new Numbers('port', 10);
  t.is(numbers.allocate('a', 'x'), 1);
  t.is(numbers.allocate('b', 'y'), 2);
  t.is(numbers.allocate('a', 'x'), 1);
  t.throws(() => numbers.allocate('a', 'y'), {
    instanceOf: Refused,
    message: /port a is already taken by x/,
  });
});

test('a released number is free only after settle; its owner may have it back before', (t) => {
  const numbers = new Numbers('port', 10);
  numbers.allocate('a', 'x');
  numbers.release('a', 'x');
  t.is(numbers.allocate('b', 'y'), 2);
  t.is(numbers.allocate('a', 'z'), 3, 'another owner of the identity does not get it either');
  numbers.release('a', 'z');
  t.is(numbers.allocate('a', 'z'), 3);
  t.deepEqual(numbers.released, [1]);
  numbers.settle();
  t.is(numbers.allocate('c', 'y'), 1);
});

test('recovered numbers keep their identity until they are found to be unclaimed', (t) => {
  const numbers = new Numbers('port', 3);
  numbers.recover('old', 2);
  numbers.recover('gone', 1);
  t.is(numbers.allocate('new', 'x'), 3);
  t.is(numbers.allocate('old', 'x'), 2);
  numbers.releaseUnclaimed();
  t.throws(() => numbers.allocate('more', 'x'), {
    instanceOf: Refused,
    message: /all 3 port numbers are in use/,
  });
  numbers.settle();
  t.is(numbers.allocate('more', 'x'), 1);
});

test('only the owner can release', (t) => {
  const numbers = new Numbers('port', 3);
  numbers.allocate('a', 'x');
  numbers.release('a', 'y');
  t.deepEqual(numbers.released, []);
});
