import test from 'ava';
import { scenarios } from './cases/index.js';
import { disagreements, run } from './run.js';

test.serial('every frame of the table becomes what OVN makes of it', async (t) => {
  const outcomes = await run('ours', scenarios);
  t.true(outcomes.length >= 1070, `${outcomes.length} cases`);
  t.deepEqual(disagreements('ours', outcomes), []);
});
