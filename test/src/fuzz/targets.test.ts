import test from 'ava';
import { targets } from './targets/all.js';
import { fuzzChain } from './targets/chain.js';

/** `npm run fuzz -- --target NAME` takes other ones, and more inputs. */
const SEED = 20261127;

/** By the name of the target; a second or two each. */
const inputs: Readonly<Record<string, number>> = {
  'module:all': 20_000,
  ovsdb: 1000,
  grpc: 1000,
  deltas: 1000,
  hover: 500,
  yaml: 500,
};

for (const target of targets.filter(({ name }) => name in inputs))
  test(`${target.name}: ${target.what}`, async (t) => {
    const cases = inputs[target.name]!;
    const report = await target.run({ seed: SEED, cases });
    t.log([...report.outcomes].map(([outcome, times]) => `${outcome} ${times}`).join(', '));
    t.deepEqual(report.failures, []);
    t.true(report.cases >= cases);
  });

test('a mistake in the maps that gives one tenant what is another’s is found', async (t) => {
  const options = { seed: SEED, cases: 1000 };
  const { failures } = await fuzzChain('neighbour', options, ({ lab, a, b }) =>
    lab.addNeighbour(a.datapath, a.ip4[1]!, b.macs[0]!, 2),
  );
  t.regex(failures[0] ?? '', /it has ca4a.* in it, which the sender did not send/);
});
