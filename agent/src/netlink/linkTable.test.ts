import test from 'ava';
import type { Link } from './link.js';
import { LinkTable } from './linkTable.js';

const tap = (ifindex: number, up = false): Link => ({
  ifindex,
  name: 'tap1',
  mtu: 1500,
  up,
  lowerUp: false,
  group: 0,
  peerInOtherNetns: false,
});

test('a device asked for before the events of its predecessor were read keeps its name in the end', (t) => {
  const table = new LinkTable();
  table.set(tap(5));
  t.like(table.set(tap(6)), { kind: 'new' }, 'asked for');
  t.like(table.set(tap(5, true)), { kind: 'changed' }, 'late');
  t.like(table.remove(5), { kind: 'removed' }, 'late');
  t.is(table.set(tap(6)), undefined, 'its own event says nothing new');
  t.is(table.byName('tap1')?.ifindex, 6);
});
