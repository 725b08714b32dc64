import test from 'ava';
import { FairQueue } from './fair-queue.js';

const always = () => true;
const keysOf = (queue: FairQueue<number>, isReady: (key: string, item: number) => boolean = always) =>
  [...queue.take(isReady)].map(([key]) => key);

test('portions: each hypervisor’s share, and who had to wait comes last the next time', (t) => {
  const queue = new FairQueue<number>();
  for (let i = 0; i < 120; i++) queue.put('loud', `loud ${i}`, i);
  queue.put('quiet', 'quiet 0', 0);
  const first = keysOf(queue);
  t.deepEqual([first.length, first.at(-1)], [51, 'quiet 0']);
  queue.put('quiet', 'quiet 1', 1);
  t.deepEqual(
    keysOf(queue).map((key) => key.split(' ')[0]),
    [...Array(50).fill('loud'), 'quiet'],
  );
  t.is(keysOf(queue).length, 20);
  t.true(queue.isEmpty);
});

test('one write has not more than 500, however many report, and the next begins with the others', (t) => {
  const queue = new FairQueue<number>();
  for (let chassis = 0; chassis < 12; chassis++)
    for (let i = 0; i < 50; i++) queue.put(`hv${chassis}`, `hv${chassis} ${i}`, i);
  t.is(keysOf(queue).length, 500);
  for (let i = 0; i < 50; i++) queue.put('hv0', `hv0 ${i}`, i);
  t.is(keysOf(queue)[0], 'hv10 0');
});

test('what is not ready stays, and takes no place; what is put again replaces', (t) => {
  const queue = new FairQueue<number>();
  for (let i = 0; i < 100; i++) queue.put('hv', `${i}`, i);
  queue.put('hv', '99', 7);
  t.deepEqual([queue.count('hv'), queue.has('hv', '99'), queue.has('hv', '100')], [100, true, false]);
  const taken = [...queue.take((_, item) => item === 7)];
  t.deepEqual(taken, [
    ['7', 7],
    ['99', 7],
  ]);
  queue.delete('hv', '0');
  t.is(queue.count('hv'), 97);
  queue.forget('hv');
  t.true(queue.isEmpty);
});
