import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import test from 'ava';
import { CertificateExpiry, lines, ProcessMetrics, processMetrics } from './index.js';

test('a blocked event loop shows in the histogram of delays, and all of a process that is defined is there', async (t) => {
  const metrics = new ProcessMetrics();
  t.teardown(() => metrics.close());
  const series = () =>
    new Map(
      [...lines(metrics.families())]
        .flatMap((text) => text.trimEnd().split('\n'))
        .filter((line) => !line.startsWith('#'))
        .map((line) => [line.replace(/ \S+$/, ''), Number(line.split(' ').at(-1))]),
    );
  const slow = () => {
    const found = series();
    const name = 'nodejs_eventloop_longest_delay_seconds';
    return found.get(`${name}_count`)! - found.get(`${name}_bucket{le="0.1"}`)!;
  };
  while (slow() === 0) {
    const until = performance.now() + 150;
    while (performance.now() < until);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const found = series();
  for (const name of Object.keys(processMetrics))
    t.true(
      [...found.keys()].some((one) => one.startsWith(name)),
      name,
    );
  t.true(found.get('process_cpu_seconds_total')! > 0.1);
  t.true(found.get('process_open_fds')! > 2);
  t.true(found.get('nodejs_eventloop_active_seconds_total')! > 0.1);
});

test('the first of the certificates in a file to expire counts, and a replaced file at once', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'iovisor-certificates-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const make = (days: number) =>
    execFileSync(
      'openssl',
      // biome-ignore format: a command line
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', join(dir, 'key'),
       '-subj', '/CN=x', '-days', String(days)],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    );
  const file = join(dir, 'certificates.pem');
  const expiry = new CertificateExpiry();
  const daysLeft = () => {
    const [sample] = expiry.samples({ 'tls-cert': file, 'tls-ca': undefined, 'db-ca': join(dir, 'none') });
    if (sample === undefined) return undefined;
    t.deepEqual(sample.labels, { option: 'tls-cert', file });
    return Math.round((Number(sample.value) * 1000 - Date.now()) / 86_400_000);
  };
  t.is(daysLeft(), undefined);
  writeFileSync(file, make(90) + make(7));
  t.is(daysLeft(), 7);
  writeFileSync(file, make(365));
  t.is(daysLeft(), 365);
  writeFileSync(file, 'no certificate');
  t.is(daysLeft(), undefined);
});
