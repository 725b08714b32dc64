import test from 'ava';
import { BpfError, check, errnoName } from './errors.js';
import { open } from './native/libbpf.js';

test('an error names operation, target, errno and what to do', (t) => {
  const error = new BpfError('update', 'map flows', -7, {
    hint: 'It holds at most 4 entries',
    log: 'said libbpf\n',
  });
  t.is(error.errno, 7);
  t.is(error.code, 'E2BIG');
  t.is(error.operation, 'update');
  t.is(error.target, 'map flows');
  t.is(error.log, 'said libbpf');
  t.is(
    error.message,
    'update map flows: E2BIG (argument list too long). It holds at most 4 entries\nsaid libbpf',
  );
});

test('errno names are those of the kernel, libbpf ones included', (t) => {
  t.is(errnoName(11), 'EAGAIN');
  t.is(errnoName(95), 'EOPNOTSUPP');
  t.is(errnoName(524), 'ENOTSUPP');
  t.is(errnoName(4001), 'LIBBPF_EFORMAT');
  t.is(errnoName(9999), 'errno 9999');
});

test('check passes results through and throws on negative ones', (t) => {
  t.is(check(3, 'open', 'map m'), 3);
  const error = t.throws(() => check(-1, 'open', 'map m'), { instanceOf: BpfError });
  t.regex(error.message, /EPERM .*root/);
});

test('a missing library gives one line that says what to install', (t) => {
  const error = t.throws(() => open('libbpf-that-is-not-there.so.1'));
  t.is(
    error.message,
    'cannot open libbpf-that-is-not-there.so.1: install libbpf1 (Debian, Ubuntu) or libbpf (Fedora, Alpine)',
  );
});
