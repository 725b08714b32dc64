import test from 'ava';
import { IntentClock } from './intent-clock.js';

test('a commit has the times of its oldest change; what is marked again meanwhile counts for the next', (t) => {
  const clock = new IntentClock();
  t.is(clock.oldest, undefined);
  const event = performance.now() - 100;
  clock.marked(event, false);
  clock.marked(event + 50, false);
  t.is(clock.oldest, event);
  clock.flushing();
  // The same resource changes once more while its body is on its way.
  const again = performance.now();
  clock.marked(again, true);
  clock.sent(true);
  t.is(clock.oldest, event);
  const times = clock.acknowledged()!;
  t.is(times.event, event);
  const order = [times.event, times.marked, times.flushed, times.sent, times.acknowledged];
  t.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
  );
  t.is(clock.oldest, again);
  clock.flushing();
  clock.sent(true);
  t.is(clock.acknowledged()?.event, again);
  t.is(clock.oldest, undefined);
});

test('the first commit of a session, and one without changes, tell no latency, but of a lag', (t) => {
  const clock = new IntentClock();
  clock.marked(performance.now() - 5, false);
  clock.flushing();
  clock.sent(false);
  t.not(clock.oldest, undefined);
  t.is(clock.acknowledged(), undefined);
  // The agent has it already.
  clock.marked(performance.now(), false);
  clock.flushing();
  clock.nothing();
  t.is(clock.oldest, undefined);
});
