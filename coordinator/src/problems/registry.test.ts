import test from 'ava';
import { pino } from 'pino';
import { ProblemRegistry } from './registry.js';

test('a problem keeps its time while it lasts, is logged once, and heals', (t) => {
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line).msg) });
  let clock = 0;
  const problems = new ProblemRegistry(log, () => new Date(clock++ * 1000));
  problems.replace('a', [{ message: 'one' }, { message: 'one' }, { message: 'two' }]);
  t.is(problems.size, 2);
  const since = problems.list()[0]?.since;
  problems.replace('a', [{ message: 'one' }]);
  t.deepEqual(
    problems.list().map(({ message }) => message),
    ['one'],
  );
  t.is(problems.list()[0]?.since, since);
  problems.replace('b', [{ message: 'one' }]);
  t.is(problems.size, 2);
  problems.replace('a', []);
  problems.replace('b', []);
  t.is(problems.size, 0);
  t.deepEqual(lines, ['one', 'two', 'solved: two', 'one', 'solved: one', 'solved: one']);
});

test('what ten thousand ports have in common is not ten thousand lines', (t) => {
  let lines = 0;
  const log = pino({ level: 'info' }, { write: () => void lines++ });
  const problems = new ProblemRegistry(log);
  let heard = 0;
  problems.onChange = () => heard++;
  for (let index = 0; index < 10_000; index++) problems.replace(`lsp:${index}`, [{ message: `${index}` }]);
  t.is(lines, 100);
  t.is(problems.size, 10_000);
  t.is(heard, 10_000);
});
