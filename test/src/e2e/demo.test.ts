import { existsSync } from 'node:fs';
import test from 'ava';
import { program, tryCommand } from '../lab/index.js';
import { labRoot } from '../lab/registry.js';

test.serial('npm run demo: every step as expected, in under a minute, and no trace of it left', async (t) => {
  // A demo that somebody keeps on this machine is theirs.
  if (existsSync(`${labRoot}/iov.traces`)) return t.pass('a demo is running here');
  t.timeout(100_000);
  t.truthy(program('coordinator', 'iovctl'));
  const main = `${import.meta.dirname}/../demo/main.js`;
  const start = performance.now();
  const { status, stdout, stderr } = await tryCommand([process.execPath, main], { timeoutMs: 90_000 });
  t.is(status, 0, stdout + stderr);
  t.true(performance.now() - start < 60_000);
  t.false(existsSync(`${labRoot}/iov.traces`));
  t.false((await tryCommand(['ip', 'netns', 'list'])).stdout.includes('iov-'));
});
