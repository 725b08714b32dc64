import test from 'ava';
import { applyStatus, unsuitability } from './serverStatus.js';

const row = {
  name: 'Test',
  model: 'clustered',
  connected: true,
  leader: true,
  cid: ['uuid', '00000000-0000-4000-8000-00000000000c'],
  sid: ['uuid', '00000000-0000-4000-8000-00000000000d'],
  index: 10,
  schema: '{}',
};

test('a server behind what was seen of the same cluster is stale', (t) => {
  const seen = new Map<string, number>();
  const status = applyStatus(undefined, row);
  t.is(unsuitability(status, true, seen), undefined);
  t.is(unsuitability(applyStatus(status, { index: 12 }), true, seen), undefined);
  t.regex(unsuitability(status, true, seen)!, /stale data: its index 10 is behind 12/);
  const recreated = applyStatus(status, { cid: ['uuid', '00000000-0000-4000-8000-00000000000e'], index: 1 });
  t.is(unsuitability(recreated, true, seen), undefined, 'a new cluster starts over');
});

test('each model has its demands', (t) => {
  const status = applyStatus(undefined, row);
  const why = (change: object, leaderOnly = true) =>
    unsuitability(applyStatus(status, change as never), leaderOnly, new Map());
  t.regex(why({ leader: false })!, /not the leader/);
  t.is(why({ leader: false }, false), undefined);
  t.regex(why({ connected: false }, false)!, /cut off/);
  t.regex(why({ schema: ['set', []] })!, /not joined/);
  t.regex(why({ model: 'relay', connected: false }, false)!, /not connected to its source/);
  t.regex(why({ model: 'relay', leader: false })!, /not the leader/);
  t.is(why({ model: 'standalone', leader: false, connected: false }), undefined);
});
