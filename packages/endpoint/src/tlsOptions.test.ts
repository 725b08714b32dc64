import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { TestAuthority } from './testing.js';
import { certificateFiles, givenTls, TlsOptionError, tlsOptions, usablePaths } from './tlsOptions.js';

const given = (options: Readonly<Record<string, string>>) => (name: string) => options[name];

test('all three files or none; what is wrong is said with the option that names it', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tls-options-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const { cert, key, ca } = await (await TestAuthority.create(directory)).sign('one');
  const all = { 'tls-cert': cert, 'tls-key': key, 'tls-ca': ca };
  t.is(givenTls(given({ 'db-cert': cert })), undefined);
  t.deepEqual(givenTls(given(all)), { cert, key, ca });
  const cases: [Record<string, string>, string][] = [
    [
      { 'tls-cert': cert, 'tls-ca': ca },
      'tls-key is missing: --tls-cert, --tls-key and --tls-ca go together',
    ],
    [{ ...all, 'tls-key': '/none' }, "tls-key: /none: ENOENT: no such file or directory, open '/none'"],
    [{ ...all, 'tls-ca': key }, `tls-ca: ${key}: is cut off, or not only certificates`],
    [{ ...all, 'tls-cert': ca }, `tls-key: ${key}: is not the private key of ${ca}`],
  ];
  for (const [options, message] of cases)
    t.throws(() => givenTls(given(options)), { instanceOf: TlsOptionError, message });
  const names = { ...tlsOptions, ca: 'client-ca' };
  t.throws(() => usablePaths({ cert, key, ca: '/none' }, names), { message: /^client-ca: \/none/ });
});

test('certificates whose ends are to be known are listed with their options', (t) => {
  const options = { 'tls-cert': 'a', 'tls-key': 'b', 'db-ca': 'c', 'hover-client-ca': 'd' };
  t.deepEqual(certificateFiles(given(options), 'db-cert', 'db-ca'), {
    'tls-cert': 'a',
    'tls-ca': undefined,
    'db-cert': undefined,
    'db-ca': 'c',
  });
});
