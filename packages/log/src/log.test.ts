import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { pino } from 'pino';
import { pretty } from './pretty.js';
import { Repeats } from './repeats.js';

/** Lines of a logger whose stream is `take`. */
function logger(take: (line: string) => void) {
  return pino({ level: 'trace', base: { name: 'iovisor-agent' } }, { write: take });
}

test('what repeats is counted, what is news is said', (t) => {
  const lines: Record<string, unknown>[] = [];
  const repeats = new Repeats((line) => lines.push(JSON.parse(line)));
  const log = logger((line) => repeats.take(line));
  for (let index = 0; index < 5; index++) log.warn({ network: 'physnet1' }, 'cannot be connected');
  log.warn({ network: 'physnet2' }, 'cannot be connected');
  for (let index = 0; index < 2; index++) log.info('hello');
  t.deepEqual(
    lines.map(({ msg, network }) => [msg, network]),
    [
      ['cannot be connected', 'physnet1'],
      ['cannot be connected', 'physnet2'],
      ['hello', undefined],
      ['hello', undefined],
    ],
  );
  repeats.flush();
  t.is(lines.length, 5);
  t.like(lines[4], { msg: 'cannot be connected', network: 'physnet1', level: 40, repeated: 4 });
});

test('what goes on repeating is a line each time the quiet is over', async (t) => {
  const lines: Record<string, unknown>[] = [];
  let wake: () => void = () => undefined;
  const repeats = new Repeats((line) => {
    lines.push(JSON.parse(line));
    wake();
  }, 20);
  const log = logger((line) => repeats.take(line));
  log.error('again');
  for (let count = 2; count <= 3; count++) {
    log.error('again');
    while (lines.length < count)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  }
  t.deepEqual(
    lines.map(({ repeated }) => repeated),
    [undefined, 1, 1],
  );
});

test('many different lines are all said, and not all remembered', (t) => {
  let lines = 0;
  const repeats = new Repeats(() => lines++);
  const log = logger((line) => repeats.take(line));
  for (let index = 0; index < 2000; index++) log.warn({ index }, 'x');
  t.is(lines, 2000);
  log.warn({ index: 1999 }, 'x');
  t.is(lines, 2000, 'the last ones are remembered');
  log.warn({ index: 0 }, 'x');
  t.is(lines, 2001, 'the first ones are not');
  repeats.flush();
});

test('for people: time, level, message, fields; nothing that does something to the terminal', (t) => {
  let line = '';
  const log = logger((one) => {
    line = one;
  });
  log.info({ port: 'p\u001b[31m1', count: 3, more: { a: ['b'] } }, 'a \u202e message');
  t.regex(
    pretty(line, false),
    /^\d\d:\d\d:\d\d\.\d{3} INFO {2}a \\u202e message port=p\\x1b\[31m1 count=3 more=\{"a":\["b"\]\}\n$/,
  );
  log.error({ err: new Error('broken') }, 'it');
  t.regex(pretty(line, false), /^\S+ ERROR it err="broken"\n {4}at .*\n/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
  t.regex(pretty(line, true), /\u001b\[31mERROR\u001b\[0m/);
  t.is(pretty('no \u0007JSON\n', true), 'no \\x07JSON\n');
});

test('at exit nothing is lost, and what is no terminal gets JSON', async (t) => {
  const module = new URL('./index.js', import.meta.url).href;
  const script = `import { openLog } from '${module}';
    const log = openLog({ level: 'info', base: {} });
    log.child({ room: 'a' }).info('one'); log.warn('two'); log.warn('two'); log.level = 'debug'; log.child({}).debug('three');
    process.exit(0);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((one) => JSON.parse(one) as { msg: string });
  t.deepEqual(
    lines.map(({ msg }) => msg),
    ['one', 'two', 'three'],
  );
});
