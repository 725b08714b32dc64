import test from 'ava';
import type { PortBindingRow } from '../monitor/rows.js';
import { type Candidate, decideClaim, type Owner } from './claim-policy.js';

function binding(more: Partial<PortBindingRow> = {}, options: Record<string, string> = {}): PortBindingRow {
  return {
    _uuid: 'p',
    logical_port: 'p1',
    type: '',
    options: new Map(Object.entries(options)),
    datapath: 'd',
    tunnel_key: 1,
    additional_chassis: [],
    up: false,
    ...more,
  };
}

function candidate(name: string, more: Partial<Candidate> = {}): Candidate {
  return {
    chassis: `uuid-${name}`,
    name,
    hostname: `${name}.example`,
    ifaceIdVersion: '',
    forwarding: false,
    order: 1,
    ...more,
  };
}

function owners(...list: Partial<Owner>[]): Map<string, Owner> {
  return new Map(
    list.map((one) => [
      `uuid-${one.name}`,
      { chassis: `uuid-${one.name}`, name: '', hostname: '', live: true, foreign: false, ...one },
    ]),
  );
}

test('whoever has the interface gets the port; up only when it forwards', (t) => {
  t.like(decideClaim(binding(), [candidate('a')], owners()), { chassis: 'uuid-a', up: false, losers: [] });
  t.like(decideClaim(binding(), [candidate('a', { forwarding: true })], owners()), {
    chassis: 'uuid-a',
    up: true,
  });
});

test('up is not touched when northd did not set it, nor before the agent has told', (t) => {
  const port = binding({ up: undefined });
  t.is(decideClaim(port, [candidate('a', { forwarding: true })], owners()).up, undefined);
  const bound = binding({ chassis: 'uuid-a', up: true });
  t.is(decideClaim(bound, [candidate('a', { forwarding: undefined })], owners({ name: 'a' })).up, undefined);
  t.is(decideClaim(binding(), [candidate('a', { forwarding: undefined })], owners()).up, false);
});

test('unplugged on a live chassis: released; on one that is away: kept', (t) => {
  const bound = binding({ chassis: 'uuid-a', up: true });
  t.like(decideClaim(bound, [], owners({ name: 'a' })), { chassis: undefined, up: false });
  t.like(decideClaim(bound, [], owners({ name: 'a', live: false })), { chassis: 'uuid-a', up: undefined });
});

test('of two the owner keeps it, else the first one gets it; the other is told', (t) => {
  const two = [candidate('b', { order: 1 }), candidate('a', { order: 2 })];
  const first = decideClaim(binding(), two, owners());
  t.is(first.chassis, 'uuid-b');
  t.deepEqual(
    first.losers.map(({ name }) => name),
    ['a'],
  );
  t.is(decideClaim(binding({ chassis: 'uuid-a' }), two, owners({ name: 'a' })).chassis, 'uuid-a');
});

test('an owner that is away loses to one that is here; a stock one does not, unless ordered', (t) => {
  const bound = { chassis: 'uuid-x' };
  const away = { name: 'x', live: false };
  t.is(decideClaim(binding(bound), [candidate('a')], owners(away)).chassis, 'uuid-a');
  const stock = owners({ ...away, foreign: true });
  const kept = decideClaim(binding(bound), [candidate('a')], stock);
  t.is(kept.chassis, 'uuid-x');
  t.regex(kept.losers[0]?.message ?? '', /plugged on x too/);
  t.is(decideClaim(binding(bound, { 'requested-chassis': 'a' }), [candidate('a')], stock).chassis, 'uuid-a');
});

test('requested-chassis by name or hostname; others are told', (t) => {
  const wanted = { 'requested-chassis': 'b.example' };
  const decision = decideClaim(binding({}, wanted), [candidate('a'), candidate('b')], owners());
  t.is(decision.chassis, 'uuid-b');
  t.regex(decision.losers[0]?.message ?? '', /requested-chassis is b\.example, not a/);
  const moved = decideClaim(
    binding({ chassis: 'uuid-a', up: true }, wanted),
    [candidate('a')],
    owners({ name: 'a' }),
  );
  t.like(moved, { chassis: undefined, up: false });
});

test('requested-chassis with two: the second beside the first, then alone without an interval', (t) => {
  const both = [candidate('a', { forwarding: true }), candidate('b', { forwarding: true })];
  const here = binding({ chassis: 'uuid-a', up: true }, { 'requested-chassis': 'a,b' });
  t.like(decideClaim(here, both, owners({ name: 'a' })), { chassis: 'uuid-a', up: true });
  t.deepEqual(decideClaim(here, both, owners({ name: 'a' })).additional, ['uuid-b']);
  const there = binding(
    { chassis: 'uuid-a', additional_chassis: ['uuid-b'], up: true },
    { 'requested-chassis': 'b' },
  );
  const moved = decideClaim(there, both, owners({ name: 'a' }, { name: 'b' }));
  t.like(moved, { chassis: 'uuid-b', up: true });
  t.deepEqual(moved.additional, []);
});

test('an additional chassis that is away stays', (t) => {
  const here = binding(
    { chassis: 'uuid-a', additional_chassis: ['uuid-b', 'uuid-c'] },
    { 'requested-chassis': 'a,b' },
  );
  const known = owners({ name: 'a' }, { name: 'b', live: false }, { name: 'c' });
  t.deepEqual(decideClaim(here, [candidate('a')], known).additional, ['uuid-b']);
});

test('iface-id-ver must match', (t) => {
  const port = binding({}, { 'iface-id-ver': 'v2' });
  t.is(decideClaim(port, [candidate('a', { ifaceIdVersion: 'v2' })], owners()).chassis, 'uuid-a');
  const wrong = decideClaim(port, [candidate('a')], owners());
  t.is(wrong.chassis, undefined);
  t.regex(wrong.losers[0]?.message ?? '', /iface-id-ver of the interface is not set, the port wants v2/);
});
