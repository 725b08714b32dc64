import test from 'ava';
import { Arena } from './arena.js';
import { fuzz } from './fuzz.js';
import { failureText } from './report.js';

/** `npm run fuzz` takes other ones, and more packets. */
const SEED = 20230301;
const PACKETS = 500;

test.serial('500 random packets in random networks become what ovn-trace says', async (t) => {
  const options = { seed: SEED, packets: PACKETS, perNetwork: 50, maxFailures: 1, shrink: true };
  const arena = await Arena.open();
  t.teardown(() => arena.close());
  const { packets, failures, delivered, answered, deviations } = await fuzz(arena, options);
  t.deepEqual(
    failures.map((failure) => failureText(failure, options)),
    [],
  );
  t.is(packets, PACKETS);
  // Two sides that drop everything agree too.
  t.true(delivered > PACKETS / 5, `${delivered} were delivered`);
  t.true(answered > 5, `${answered} were answered`);
  t.true([...deviations.values()].reduce((sum, times) => sum + times, 0) < PACKETS / 10);
});
