import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type SecureVersion } from 'node:tls';
import test from 'ava';
import { followTls, httpsOptions } from './httpsTls.js';
import { material, TestAuthority } from './testing.js';
import { TlsFollower } from './tlsFollower.js';

test('no ticket of before opens a session under other authorities', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'iovisor-endpoint-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const [before, after] = await Promise.all([
    TestAuthority.create(join(dir, 'before')),
    TestAuthority.create(join(dir, 'after')),
  ]);
  const [server, client] = await Promise.all([before.sign('server'), before.sign('client')]);
  const authorities = join(dir, 'authorities.pem');
  copyFileSync(before.ca, authorities);
  const follower = new TlsFollower({ ...server!, ca: authorities });
  const https = createServer(httpsOptions(follower), (_request, response) => response.end('welcome'));
  followTls(https, follower);
  https.listen(0, '127.0.0.1');
  await once(https, 'listening');
  t.teardown(() => https.close());

  const ask = async (maxVersion: SecureVersion, session?: Buffer) => {
    const { port } = https.address() as AddressInfo;
    const own = { ...material(client!), checkServerIdentity: () => undefined };
    const socket = connect({ host: '127.0.0.1', port, maxVersion, session, ...own });
    let ticket = session;
    let text = '';
    socket.on('session', (given: Buffer) => {
      ticket = given;
    });
    socket
      .on('error', () => undefined)
      .on('data', (data) => {
        text += data;
      });
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    return { welcome: text.includes('welcome'), ticket };
  };
  const versions = ['TLSv1.2', 'TLSv1.3'] as const;
  const tickets = await Promise.all(versions.map((version) => ask(version)));
  for (const [index, version] of versions.entries()) {
    t.true(tickets[index]!.welcome);
    t.true((await ask(version, tickets[index]!.ticket)).welcome);
  }
  copyFileSync(after.ca, authorities);
  await follower.reload();
  for (const [index, version] of versions.entries())
    t.false((await ask(version, tickets[index]!.ticket)).welcome, version);
});
