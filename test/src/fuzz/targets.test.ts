import test from 'ava';
import { targets } from './targets/all.js';

/** `npm run fuzz -- --target NAME` takes other ones, and more inputs. */
const SEED = 20261127;

/** By the name of the target; a second or two each. */
const inputs: Readonly<Record<string, number>> = {
  ovsdb: 1000,
  grpc: 1000,
  deltas: 1000,
  hover: 500,
  yaml: 500,
};

// One after the other: some watch what this process does with its time.
for (const target of targets.filter(({ name }) => name in inputs))
  test.serial(`${target.name}: ${target.what}`, async (t) => {
    const cases = inputs[target.name]!;
    const report = await target.run({ seed: SEED, cases });
    t.log([...report.outcomes].map(([outcome, times]) => `${outcome} ${times}`).join(', '));
    t.deepEqual(report.failures, []);
    t.true(report.cases >= cases);
  });
