import test from 'ava';
import { compile } from './fixtures/compile.js';
import { kernelTest } from './fixtures/kernel-test.js';
import { BpfObject } from './object.js';
import { VerifierError } from './verifier-error.js';

function assertRefusal(t: import('ava').ExecutionContext, error: unknown): void {
  if (!(error instanceof VerifierError)) {
    t.fail(`a VerifierError was expected, not ${error}`);
    return;
  }
  t.is(error.program, 'unchecked');
  t.is(error.code, 'EACCES');
  // Whole: from the first instruction to the statistics at the end.
  t.regex(error.log, /^0: /m);
  t.regex(error.log, /^processed \d+ insns/m);
  t.regex(error.reason, /packet/);
  t.regex(error.instruction?.text ?? '', /^\(71\) r0 = \*\(u8 \*\)\(r\d \+30\)/);
  t.regex(error.instruction?.source ?? '', /return data\[30\];/);
  t.true(error.message.includes(error.reason));
}

kernelTest('a refused program gives its name, the reason and the whole log', (t) => {
  const object = BpfObject.open(compile('refused'));
  t.teardown(() => object.close());
  assertRefusal(
    t,
    t.throws(() => object.load()),
  );
});

kernelTest('a load on another thread fails the same way', async (t) => {
  const objects = [1, 2].map(() => BpfObject.open(compile('refused')));
  t.teardown(() => objects.forEach((object) => void object.close()));
  const results = await Promise.allSettled(objects.map((object) => object.loadAsync()));
  for (const result of results) assertRefusal(t, result.status === 'rejected' ? result.reason : undefined);
});

kernelTest('a log of many megabytes is whole', (t) => {
  const object = BpfObject.open(compile('refused-late'));
  t.teardown(() => object.close());
  const error = t.throws(() => object.load(), { instanceOf: VerifierError });
  t.true(error.log.length > 1 << 20, `${error.log.length} bytes`);
  t.regex(error.log, /^0: /m);
  t.regex(error.log, /^processed \d+ insns/m);
});

test('the summary of a log without instructions is its last line', (t) => {
  const error = new VerifierError(
    'p',
    'o.o',
    22,
    'func#0 @0\nBPF program is too large. Processed 1000001 insn\n',
  );
  t.is(error.reason, 'BPF program is too large. Processed 1000001 insn');
  t.is(error.instruction, undefined);
  t.is(error.summary, error.reason);
});
