import test from 'ava';
import { measureChain } from './measure.js';

test('the chain is measured, and costs more than nothing', (t) => {
  const cost = measureChain({ repeat: 1000, rounds: 3 });
  for (const [what, ns] of Object.entries(cost)) t.true(ns > 0 && ns < 100_000, `${what}: ${ns} ns`);
  t.log(cost);
});
