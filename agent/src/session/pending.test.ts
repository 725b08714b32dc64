import { ResourceType } from '@iovisor-ovn/proto';
import test from 'ava';
import { portIntent } from '../testsupport/intents.js';
import { Pending } from './pending.js';

const ref = (id: string) => ({ type: ResourceType.LOGICAL_PORT, id });
const port = (id: string, key: number) => portIntent(id, 's', key);

test('of one id in one commit the last word holds', (t) => {
  const pending = new Pending();
  const [first, last] = [port('a', 1), port('a', 2)];
  pending.add({ upserts: [first, port('b', 3)], removals: [] });
  pending.add({ upserts: [last], removals: [ref('b')] });
  t.deepEqual(pending.take(false), { upserts: [last], removals: [ref('b')], full: false });
});

test('an upsert that follows a removal stays', (t) => {
  const pending = new Pending();
  const again = port('a', 1);
  pending.add({ upserts: [], removals: [ref('a')] });
  pending.add({ upserts: [again], removals: [] });
  t.deepEqual(pending.take(true), { upserts: [again], removals: [], full: true });
  t.deepEqual(pending.take(false), { upserts: [], removals: [], full: false }, 'taken once');
});

test('one id of two types is two resources', (t) => {
  const pending = new Pending();
  const a = port('a', 1);
  pending.add({ upserts: [a], removals: [] });
  const chassis = { type: ResourceType.REMOTE_CHASSIS, id: 'a' };
  pending.add({ upserts: [], removals: [chassis] });
  t.deepEqual(pending.take(false), { upserts: [a], removals: [chassis], full: false });
});
