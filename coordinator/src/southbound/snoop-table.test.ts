import test from 'ava';
import { routersAddress, SnoopTable } from './snoop-table.js';

const limits = { idleMs: 300_000, tableSize: 3 };

test('ports join, say so again, leave; each change is told once', (t) => {
  const table = new SnoopTable();
  t.deepEqual(table.join('g', 'a', 0, limits), ['g']);
  t.deepEqual(table.join('g', 'a', 1, limits), []);
  t.deepEqual(table.join('g', 'b', 1, limits), ['g']);
  t.deepEqual(table.portsOf('g'), ['a', 'b']);
  t.deepEqual(table.leave('g', 'a'), ['g']);
  t.deepEqual(table.leave('g', 'a'), []);
  t.deepEqual(table.leave('h', 'a'), []);
  t.deepEqual(table.leave('g', 'b'), ['g']);
  t.true(table.isEmpty);
});

test('who is not heard of for the idle timeout goes, a router after three minutes', (t) => {
  const table = new SnoopTable();
  table.join('g', 'a', 0, limits);
  table.join('g', 'b', 0, limits);
  table.join(routersAddress, 'r', 0, limits);
  table.join('g', 'b', 100_000, limits);
  t.deepEqual(table.expire(179_999), []);
  t.deepEqual(table.expire(180_000), [routersAddress]);
  t.deepEqual(table.expire(300_000), ['g']);
  t.deepEqual(table.portsOf('g'), ['b']);
  t.deepEqual(table.expire(399_999), []);
  t.deepEqual(table.expire(400_000), ['g']);
  t.true(table.isEmpty);
});

test('a full table forgets the group that was not heard of for longest; routers take no room', (t) => {
  const table = new SnoopTable();
  table.join(routersAddress, 'r', 0, limits);
  for (const group of ['g', 'h', 'i']) table.join(group, 'a', 0, limits);
  table.join('g', 'a', 1, limits);
  t.deepEqual(table.join('j', 'a', 2, limits), ['h', 'j']);
  t.deepEqual(table.addresses, [routersAddress, 'i', 'g', 'j']);
  t.deepEqual(table.join('k', 'a', 3, { ...limits, tableSize: 1 }), ['i', 'g', 'j', 'k']);
});

test('a port with a router joins nothing more, and nobody leaves by it', (t) => {
  const table = new SnoopTable();
  table.join('g', 'r', 0, limits);
  table.join(routersAddress, 'r', 0, limits);
  t.deepEqual(table.join('h', 'r', 0, limits), []);
  t.deepEqual(table.leave('g', 'r'), []);
  t.deepEqual(table.clear(), ['g', routersAddress]);
  t.true(table.isEmpty);
});
