import test from 'ava';
import { parseOptions, sectionNames } from './options.js';

test.serial('everything by default', (t) => {
  t.deepEqual(parseOptions([]), { only: sectionNames, quick: false, json: undefined, help: false });
});

test.serial('--only takes a list, repeated or not, and keeps the order of the parts', (t) => {
  t.deepEqual(parseOptions(['--only', 'memory,bpf']).only, ['bpf', 'memory']);
  t.deepEqual(parseOptions(['--only', 'pps', '--only=latency']).only, ['pps', 'latency']);
});

test.serial('wrong flags name what is wrong', (t) => {
  t.throws(() => parseOptions(['--only', 'cpu']), { message: /no part is called "cpu"/ });
  t.throws(() => parseOptions(['--fast']), { message: /--fast/ });
  t.throws(() => parseOptions(['--json']), { message: /--json/ });
});
