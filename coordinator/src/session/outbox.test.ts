import { ResourceType } from '@iovisor-ovn/proto';
import test from 'ava';
import {
  type CompiledResource,
  compileResource,
  type ResourceKey,
  resourceKey,
  resourceRef,
} from '../logic/resource.js';
import { Outbox } from './outbox.js';

const key = (id: string) => resourceKey(ResourceType.REMOTE_CHASSIS, id);

function chassis(id: string, hostname = id): CompiledResource {
  return compileResource(id, { $case: 'remoteChassis', value: { name: id, hostname, encaps: [] } });
}

function drain(outbox: Outbox, world: ReadonlyMap<ResourceKey, CompiledResource>): string[] {
  const sent: string[] = [];
  outbox.committed();
  while (!outbox.isEmpty) {
    const delta = outbox.take((one) => world.get(one));
    for (const { id } of delta?.upserts ?? []) sent.push(`+${id}`);
    for (const { id } of delta?.removals ?? []) sent.push(`-${id}`);
  }
  return sent.sort();
}

test('only the difference to what the agent holds is taken', (t) => {
  const world = new Map(['same', 'changed', 'new'].map((id) => [key(id), chassis(id)]));
  const held = [chassis('same'), chassis('changed', 'other'), chassis('gone')].map(({ resource }) => ({
    type: ResourceType.REMOTE_CHASSIS,
    id: resource.id,
    version: resource.version,
  }));
  const outbox = new Outbox(held, world.keys());
  t.deepEqual(drain(outbox, world), ['+changed', '+new', '-gone']);
  for (const one of world.keys()) outbox.mark(one);
  t.deepEqual(drain(outbox, world), []);
});

test('many changes of one resource are one, however long the agent takes', (t) => {
  const world = new Map<ResourceKey, CompiledResource>();
  const outbox = new Outbox([], []);
  for (let i = 0; i < 100; i++) {
    world.set(key('a'), chassis('a', `host${i}`));
    outbox.mark(key('a'));
  }
  t.deepEqual(drain(outbox, world), ['+a']);
  outbox.mark(key('b'));
  t.deepEqual(drain(outbox, world), [], 'came and went between two commits');
});

test('a Delta is of bounded size', (t) => {
  const world = new Map(Array.from({ length: 1200 }, (_, i) => [key(`c${i}`), chassis(`c${i}`)]));
  const outbox = new Outbox([], world.keys());
  let total = 0;
  while (!outbox.isEmpty) {
    const count = outbox.take((one) => world.get(one))?.upserts.length ?? 0;
    t.true(count <= 500);
    total += count;
  }
  t.is(total, 1200);
});

test('a key and its reference are the same thing', (t) => {
  for (const type of [
    ResourceType.LOGICAL_SWITCH,
    ResourceType.LOGICAL_PORT,
    ResourceType.REMOTE_CHASSIS,
  ] as const)
    t.deepEqual(resourceRef(resourceKey(type, 'a/b')), { type, id: 'a/b' });
});

test('a resource that changes again before the commit goes with the next one', (t) => {
  const world = new Map([[key('a'), chassis('a')]]);
  const outbox = new Outbox([], world.keys());
  const take = () => outbox.take((one) => world.get(one));
  t.is(take()?.upserts.length, 1);
  world.clear();
  outbox.mark(key('a'));
  t.true(outbox.isEmpty);
  t.false(outbox.isComplete);
  t.is(take(), undefined);
  outbox.committed();
  t.deepEqual(
    take()?.removals.map(({ id }) => id),
    ['a'],
  );
  t.true(outbox.isComplete);
});
