import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { startClient } from '../testsupport/fixture.js';
import { TEST_SCHEMA } from '../testsupport/testSchema.js';
import { freePort, run, TestServer, writeSchema } from '../testsupport/testServer.js';

/** An authority and a certificate by it, as NAME-cert.pem and NAME-key.pem. */
function makeCertificates(directory: string, ca: string, names: readonly string[]): void {
  const file = (name: string) => join(directory, name);
  const newKey = ['-newkey', 'rsa:2048', '-nodes', '-keyout'];
  run(
    'openssl',
    'req',
    '-x509',
    ...newKey,
    file(`${ca}-key.pem`),
    '-out',
    file(`${ca}-cert.pem`),
    '-subj',
    `/CN=${ca}`,
  );
  for (const name of names) {
    run(
      'openssl',
      'req',
      ...newKey,
      file(`${name}-key.pem`),
      '-out',
      file(`${name}.csr`),
      '-subj',
      `/CN=${name}`,
    );
    const by = ['-CA', file(`${ca}-cert.pem`), '-CAkey', file(`${ca}-key.pem`), '-CAcreateserial'];
    run(
      'openssl',
      'x509',
      '-req',
      '-in',
      file(`${name}.csr`),
      ...by,
      '-out',
      file(`${name}-cert.pem`),
      '-days',
      '1',
    );
  }
}

test('ssl: both sides prove themselves, and who cannot is refused', async (t) => {
  const server = new TestServer();
  t.teardown(() => server.remove());
  const file = (name: string) => join(server.directory, name);
  makeCertificates(server.directory, 'ca', ['server', 'client']);
  makeCertificates(server.directory, 'other', ['stranger']);
  const port = await freePort();
  await server
    .createDatabase(writeSchema(server.directory, TEST_SCHEMA))
    .withArguments(`--private-key=${file('server-key.pem')}`, `--certificate=${file('server-cert.pem')}`)
    .withArguments(`--ca-cert=${file('ca-cert.pem')}`, `--remote=pssl:${port}:127.0.0.1`)
    .start();
  const remote = `ssl:127.0.0.1:${port}`;
  const own = { certFile: file('client-cert.pem'), keyFile: file('client-key.pem') };
  const client = startClient(t, remote, { tls: { ...own, caFile: file('ca-cert.pem') } });
  await client.whenConnected();
  t.deepEqual(await client.call('echo', ['x']), ['x']);

  for (const [tls, message] of [
    [{ ...own, caFile: file('other-cert.pem') }, /certificate|signature/],
    [own, /self-signed certificate|unable to/],
    [{ caFile: file('ca-cert.pem') }, /alert|closed|ECONNRESET|EPIPE/],
    [
      { certFile: file('stranger-cert.pem'), keyFile: file('stranger-key.pem'), caFile: file('ca-cert.pem') },
      /alert|closed|ECONNRESET|EPIPE/,
    ],
    [{ ...own, caFile: file('none.pem') }, /cannot read the TLS CA certificate .*none\.pem/],
  ] as const) {
    const refused = startClient(t, remote, { tls });
    const [, reason] = await once(refused, 'failed');
    t.regex((reason as Error).message, message);
    await refused.close();
  }
  const plain = startClient(t, `tcp:127.0.0.1:${port}`);
  const [, reason] = await once(plain, 'failed');
  t.regex((reason as Error).message, /does not speak OVSDB|closed|ECONNRESET|EPIPE/);
});

test('who keeps the files himself is asked at each connect, and what he has then is used', async (t) => {
  const server = new TestServer();
  t.teardown(() => server.remove());
  const read = (name: string) => readFileSync(join(server.directory, name));
  makeCertificates(server.directory, 'ca', ['server', 'client']);
  const port = await freePort();
  await server
    .createDatabase(writeSchema(server.directory, TEST_SCHEMA))
    .withArguments(`--private-key=${join(server.directory, 'server-key.pem')}`)
    .withArguments(`--certificate=${join(server.directory, 'server-cert.pem')}`)
    .withArguments(`--ca-cert=${join(server.directory, 'ca-cert.pem')}`, `--remote=pssl:${port}:127.0.0.1`)
    .start();
  const good = { cert: read('client-cert.pem'), key: read('client-key.pem'), ca: read('ca-cert.pem') };
  let material = good;
  const tls = { material: () => material };
  const backoff = { minMs: 10, maxMs: 10 };
  const client = startClient(t, `ssl:127.0.0.1:${port}`, { tls, backoff });
  await client.whenConnected();
  material = { ...good, ca: read('client-cert.pem') };
  t.deepEqual(await client.call('echo', ['x']), ['x']);
  const refused = once(client, 'failed');
  await server.kill();
  await server.start();
  await refused;
  material = good;
  await client.whenConnected();
  t.deepEqual(await client.call('echo', ['x']), ['x']);
});
