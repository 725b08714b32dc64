import test from 'ava';
import { chainTargets, fuzzChain } from './targets/chain.js';

/** `npm run fuzz -- --target module:NAME` takes other ones, and more packets. */
const SEED = 20261127;
const PACKETS = 20_000;

test.serial(
  'of 20,000 mutated packets of one tenant none reaches another, or brings anything of it',
  async (t) => {
    const all = chainTargets.find(({ name }) => name === 'module:all')!;
    const report = await all.run({ seed: SEED, cases: PACKETS });
    t.log([...report.outcomes].map(([outcome, times]) => `${outcome} ${times}`).join(', '));
    t.deepEqual(report.failures, []);
    t.is(report.cases, PACKETS);
  },
);

test.serial('a mistake in the maps that gives one tenant what is another’s is found', async (t) => {
  const options = { seed: SEED, cases: 1000 };
  const { failures } = await fuzzChain('neighbour', options, ({ lab, a, b }) =>
    lab.addNeighbour(a.datapath, a.ip4[1]!, b.macs[0]!, 2),
  );
  t.regex(failures[0] ?? '', /it has ca4a.* in it, which the sender did not send/);
});
