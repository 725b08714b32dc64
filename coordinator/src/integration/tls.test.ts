import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { credentials, status } from '@grpc/grpc-js';
import test from 'ava';
import { startCentral } from '../testing/central.js';
import { startCoordinator } from '../testing/process.js';
import { ScriptedAgent } from '../testing/scripted-agent.js';

/** Makes a CA and certificates for `names` in `dir`. */
function makeCertificates(dir: string, names: readonly string[]): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=ca', '-days', '2');
  for (const name of names) {
    const names = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost'];
    openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, ...names);
    const ca = [
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-copy_extensions',
      'copy',
      '-days',
      '2',
    ];
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...ca);
  }
}

test('with TLS an agent speaks for the chassis its certificate names and for no other', async (t) => {
  const central = await startCentral();
  t.teardown(() => central.stop());
  makeCertificates(central.dir, ['coordinator', 'hv1']);
  const file = (name: string) => join(central.dir, name);
  const socket = file('local.sock');
  const tls = [
    '--tls-cert',
    file('coordinator.pem'),
    '--tls-key',
    file('coordinator.key'),
    '--tls-ca',
    file('ca.pem'),
  ];
  const port = 20_000 + (process.pid % 10_000);
  const coordinator = await startCoordinator(central, {
    listen: `unix:${socket}`,
    args: [...tls, '--listen', `unix:${socket},127.0.0.1:${port}`],
  });
  t.teardown(() => coordinator.stop('SIGKILL'));
  const pem = (name: string) => readFileSync(file(name));
  const hv1 = credentials.createSsl(pem('ca.pem'), pem('hv1.key'), pem('hv1.pem'));
  const connect = (name: string, given = hv1) => {
    const agent = new ScriptedAgent({ address: `localhost:${port}`, name, credentials: given });
    t.teardown(() => agent.close());
    return agent;
  };
  const agent = connect('hv1');
  await agent.until(() => agent.commits.length > 0);
  const impostor = await connect('hv2').untilEnded();
  t.is(impostor?.code, status.PERMISSION_DENIED);
  t.regex(impostor?.details ?? '', /certificate is for "hv1", which cannot speak for chassis hv2/);
  const nobody = await connect('hv1', credentials.createSsl(pem('ca.pem'))).untilEnded();
  t.is(nobody?.code, status.UNAVAILABLE);
  const plain = await connect('hv1', credentials.createInsecure()).untilEnded();
  t.is(plain?.code, status.UNAVAILABLE);
  t.is(agent.ended, undefined);
});
