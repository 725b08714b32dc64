import test from 'ava';
import { INTERVAL_MS, MAX_MACS, MAX_MEMBERSHIPS, ObservationState } from './observationState.js';

const seen = (portId: string, n: number) => {
  const mac = Buffer.alloc(6);
  mac.writeUInt32BE(n, 2);
  return { kind: 'mac', portId, mac } as const;
};

test('what was seen often is said once, and of a virtual port the last parent', (t) => {
  const state = new ObservationState();
  t.is(state.due(0), undefined);
  for (const n of [1, 2, 1, 1]) state.add(seen('a', n));
  state.add(seen('b', 1));
  for (const parentId of ['p', 'q', 'p']) state.add({ kind: 'virtual', portId: 'v', parentId });
  for (const portId of ['x', 'x']) state.add({ kind: 'activated', portId });
  t.is(state.due(0), 0);
  const said = state.next(0)!;
  t.deepEqual(
    said.macs.map(({ portId, mac }) => [portId, mac.at(-1)]),
    [
      ['a', 1],
      ['a', 2],
      ['b', 1],
    ],
  );
  t.deepEqual(said.virtualClaims, [{ portId: 'v', parentId: 'p' }]);
  t.deepEqual(said.activated, ['x']);
  t.is(state.next(0), undefined);
});

test('so many MACs a message, one message in a while, and a bound on what waits', (t) => {
  const state = new ObservationState();
  for (let n = 0; n < 100_000; n++) state.add(seen('a', n));
  let said = 0;
  let now = 5;
  for (;;) {
    const message = state.next(now);
    if (message === undefined) break;
    t.true(message.macs.length <= MAX_MACS);
    said += message.macs.length;
    t.is(state.next(now + INTERVAL_MS - 1), undefined, 'not yet');
    now += INTERVAL_MS;
  }
  t.is(said, 4096);
  state.add(seen('a', 1));
  t.is(state.due(now), 0);
  t.is(state.due(now - 5), 5);
});

test('of a port and a group the last word counts, so many a message, and what waits is bounded', (t) => {
  const state = new ObservationState();
  const membership = (n: number, left: boolean) => {
    const group = Buffer.from([239, 0, n >> 8, n & 255]);
    state.add({ kind: 'membership', portId: 'a', membership: { group, left } });
  };
  membership(1, false);
  membership(2, false);
  membership(1, true);
  t.is(state.due(0), 0);
  t.deepEqual(
    state.next(0)!.memberships.map(({ portId, group, left }) => [portId, group.at(-1), left]),
    [
      ['a', 2, false],
      ['a', 1, true],
    ],
  );
  t.is(state.next(INTERVAL_MS), undefined);
  for (let n = 0; n < 10_000; n++) membership(n, false);
  let said = 0;
  for (let now = INTERVAL_MS; ; now += INTERVAL_MS) {
    const message = state.next(now);
    if (message === undefined) break;
    t.true(message.memberships.length <= MAX_MEMBERSHIPS);
    said += message.memberships.length;
  }
  t.is(said, 4096);
});
