import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import test, { type ExecutionContext } from 'ava';
import { CompileError } from '../engine/hoverEngine.js';
import { Compiler, type CompilerOptions } from './compiler.js';

const NOTHING = 'static int handle_rx(void *skb, struct metadata *md) { return RX_DROP; }\n';

function compilerFor(t: ExecutionContext, options?: CompilerOptions): Compiler {
  const compiler = new Compiler(options);
  t.teardown(() => compiler.close());
  return compiler;
}

function directory(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'hover-compiler-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  return dir;
}

test('the same source is compiled once, also when asked for at the same time, and by the next compiler', async (t) => {
  const cacheDir = directory(t);
  const compiler = compilerFor(t, { cacheDir });
  const all = await Promise.all([compiler.compile(NOTHING), compiler.compile(NOTHING)]);
  const again = await compiler.compile(NOTHING);
  t.is(compiler.runs, 2, 'to one function, and to an object');
  t.deepEqual(all[0], all[1]);
  t.deepEqual(again, all[0]);
  t.not((await compiler.compile(`${NOTHING}\n`)).digest, again.digest);
  const next = compilerFor(t, { cacheDir });
  t.deepEqual(await next.compile(NOTHING), again);
  t.is(next.runs, 0);
  t.is(statSync(again.path).mode & 0o022, 0, 'nobody else can write what the kernel gets');
});

test('too much time, memory or output is refused, and holds nobody up', async (t) => {
  const compiler = compilerFor(t, { limits: { cpuSeconds: 1 } });
  const bomb = [
    '#define A0 x',
    ...Array.from({ length: 24 }, (_, i) => `#define A${i + 1} A${i} A${i} A${i} A${i}`),
    'A24',
  ];
  // Of our own making: while others had the processor, this process used none.
  let longest = 0;
  let last = performance.now();
  let used = process.cpuUsage();
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage(used);
    longest = Math.max(longest, Math.min(performance.now() - last, (user + system) / 1000));
    last = performance.now();
    used = process.cpuUsage();
  }, 1);
  const refused = t.throwsAsync(compiler.compile(`${bomb.join('\n')}\n`), {
    instanceOf: CompileError,
    message: /more than/,
  });
  await t.notThrowsAsync(compiler.compile(NOTHING), 'another one is compiled meanwhile');
  await refused;
  clearInterval(timer);
  t.true(longest < 500, `the event loop was held for ${longest} ms`);

  const small = compilerFor(t, { limits: { outputBytes: 64 } });
  await t.throwsAsync(small.compile(NOTHING), { instanceOf: CompileError });
  const stuck = compilerFor(t, { limits: { wallSeconds: 0.5 } });
  await t.throwsAsync(stuck.compile('#include "/dev/stdout"\n'), { instanceOf: CompileError });
  await t.throwsAsync(compiler.compile('x'.repeat((1 << 20) + 1)), { message: /more than/ });
});

test('without a compiler that is said', async (t) => {
  const compiler = compilerFor(t, { clang: 'no-such-clang' });
  const message = /no-such-clang is not installed on this node.*apt install clang/;
  await t.throwsAsync(compiler.compile(NOTHING), { instanceOf: CompileError, message });
});

test('messages are of the module, and of nothing else', async (t) => {
  const dir = directory(t);
  const compiler = compilerFor(t);
  const cases: [string, RegExp][] = [
    ['#include <no/such.h>\n', /^module\.c:1:10: fatal error: 'no\/such\.h' file not found/],
    ['#if 1\n', /module\.c:1:2: error: unterminated conditional/],
    ['/* never ends', /module\.c:1:1: error: unterminated \/\* comment/],
    [`${NOTHING}}\n`, /module\.c:2:1: error: extraneous closing brace/],
    ['#error "with its text"\n', /with its text/],
    ['static int other(void) { return 0; }\n', /handle_rx/],
  ];
  for (const [source, message] of cases) {
    const error = await t.throwsAsync(
      compiler.compile(source),
      { instanceOf: CompileError, message },
      source,
    );
    t.notRegex(error!.message, /main\.c|iovisor-hover-/);
  }
  t.deepEqual(readdirSync(dir), []);
});

test('what it made is gone with it', async (t) => {
  const compiler = new Compiler();
  const { path } = await compiler.compile(NOTHING);
  t.true(existsSync(path));
  compiler.close();
  t.false(existsSync(path));
});
