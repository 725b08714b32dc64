import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestAuthority, tlsFlags } from '@iovisor-ovn/endpoint/testing';
import test, { type ExecutionContext } from 'ava';
import { readCoordinatorConfig } from './coordinator-config.js';
import { UsageError } from './settings.js';

const read = (args: string[], env: NodeJS.ProcessEnv = {}) =>
  readCoordinatorConfig(['node', 'iovisor-coordinator', ...args], env, '1');

function file(t: ExecutionContext, name: string, content: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'iovisor-config-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, name), content);
  return join(dir, name);
}

test('a flag wins over the environment, that over the file, that over the default', (t) => {
  const config = file(t, 'c.yaml', 'nb: unix:/file\nsb: unix:/file\nlisten: unix:/file\nlog-level: debug\n');
  const { nb, sb, listen, logLevel } = read(['--config', config, '--nb', 'unix:/flag'], {
    IOVISOR_NB: 'unix:/env',
    IOVISOR_SB: 'unix:/env',
  });
  t.deepEqual(
    { nb, sb, listen, logLevel },
    { nb: 'unix:/flag', sb: 'unix:/env', listen: [{ path: '/file' }], logLevel: 'debug' },
  );
  t.deepEqual(read([]).listen, [{ host: '127.0.0.1', port: 6650 }]);
});

test('several addresses, IPv6 too', (t) => {
  t.deepEqual(read(['--listen', '127.0.0.1:1,[::1]:2,unix:/x']).listen, [
    { host: '127.0.0.1', port: 1 },
    { host: '::1', port: 2 },
    { path: '/x' },
  ]);
});

test('each mistake is one line that names it', (t) => {
  const pem = file(t, 'a.pem', '-----BEGIN CERTIFICATE-----\n');
  const cases: [args: string[], pattern: RegExp][] = [
    [['--bogus'], /unknown option '--bogus'/],
    [['extra'], /too many arguments/],
    [['--nb'], /argument missing/],
    [['--nb', 'foo'], /^nb: .*"foo"/],
    [['--listen', 'nowhere'], /^listen: "nowhere" is neither HOST:PORT nor unix:PATH/],
    [['--listen', '127.0.0.1:70000'], /^listen/],
    [['--log-level', 'loud'], /^log-level: "loud" is none of/],
    [['--tls-cert', pem], /^tls-key is missing/],
    [['--tls-cert', pem, '--tls-key', '/nope', '--tls-ca', pem], /^tls-key: \/nope: ENOENT/],
    [['--db-ca', file(t, 'x', 'x')], /^db-ca: .* is no PEM file/],
    [['--sb', 'ssl:1.2.3.4:5'], /^sb: ssl: remotes need --db-cert/],
    [['--config', '/nope'], /^config file \/nope: ENOENT/],
    [['--config', file(t, 'a', 'unheard: of\n')], /unknown key "unheard"/],
    [['--config', file(t, 'b', 'nb: [1]\n')], /"nb" must be a single value/],
    [['--config', file(t, 'c', '- x\n')], /a list of "key: value" lines is wanted/],
    [['--config', file(t, 'd', 'nb: "x\n')], /^config file/],
    [['--config', file(t, 'e', 'insecure-listen-plaintext: maybe\n')], /neither true nor false/],
  ];
  for (const [args, pattern] of cases) {
    const error = t.throws(() => read(args), { instanceOf: UsageError }, args.join(' '));
    t.regex(error?.message ?? '', pattern);
    t.false(error?.message.includes('\n'));
  }
});

test('plain text on a network address is refused, unless it is said to be wanted', async (t) => {
  const refused = (pattern: RegExp, ...args: string[]) =>
    t.throws(() => read(args), { instanceOf: UsageError, message: pattern }, args.join(' '));
  refused(
    /^listen: 0\.0\.0\.0:1 .*--tls-cert.*--insecure-listen-plaintext/,
    '--listen',
    '127.0.0.1:1,0.0.0.0:1',
  );
  refused(/^listen: \[::\]:1 /, '--listen', '[::]:1');
  refused(/^listen: .*/, '--listen', 'hv.example.org:1', '--insecure-metrics-plaintext');
  refused(/^metrics: 192\.0\.2\.1:1 .*--insecure-metrics-plaintext/, '--metrics', '192.0.2.1:1');
  refused(/^metrics/, '--metrics', '192.0.2.1:1', '--insecure-listen-plaintext');
  t.notThrows(() => read(['--listen', '0.0.0.0:1', '--insecure-listen-plaintext']));
  t.notThrows(() =>
    read(['--listen', '127.0.0.1:1,[::1]:1,localhost:2,unix:/x', '--metrics', '127.0.0.1:1']),
  );
  t.true(read(['--metrics', '192.0.2.1:1', '--insecure-metrics-plaintext']).plainMetrics);
  const pki = await TestAuthority.create(file(t, 'pki', '').replace(/pki$/, 'authority'));
  const tls = tlsFlags(await pki.sign('coordinator'));
  t.false(read(['--listen', '0.0.0.0:1', '--metrics', '0.0.0.0:2', ...tls]).plainMetrics);
});

test('roles have names of certificates', (t) => {
  t.deepEqual(read([]).rbac, { admin: ['iovisor-admin'], readOnly: ['iovisor-read-only'] });
  const args = ['--rbac-admin', 'alice, bob', '--rbac-read-only', ''];
  t.deepEqual(read(args).rbac, { admin: ['alice', 'bob'], readOnly: [] });
});
