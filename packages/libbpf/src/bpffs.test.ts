import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import test from 'ava';
import { isBpffs, mountBpffs } from './bpffs.js';
import { bpffs } from './fixtures/bpffs.js';
import { kernelTest } from './fixtures/kernel-test.js';

test('an ordinary or missing directory is no BPF file system', (t) => {
  t.false(isBpffs(tmpdir()));
  t.false(isBpffs('/nonexistent'));
});

kernelTest('a BPF file system is mounted once', (t) => {
  const directory = bpffs(t);
  t.true(isBpffs(directory));
  mountBpffs(directory);
  t.is(readFileSync('/proc/mounts', 'utf8').split(` ${directory} `).length - 1, 1);
});

kernelTest('where no directory can be there is no mount', (t) => {
  t.throws(() => mountBpffs('/proc/version/bpf'), { message: /\/proc\/version/ });
});
