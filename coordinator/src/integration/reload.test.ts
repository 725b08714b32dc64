import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { TestAuthority, tlsFlags } from '@iovisor-ovn/endpoint/testing';
import test from 'ava';
import { coordinatorBin } from '../testing/process.js';

/** The end of sd_notify(3) that systemd has. Prints each datagram as JSON. */
const RECEIVER = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('"bound"', flush=True)
while True:
    print(json.dumps(s.recv(4096).decode()), flush=True)
`;

test('systemd is told when a reload begins and when new certificates are in effect', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'reload-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const authority = await TestAuthority.create(join(dir, 'pki'));
  const tls = tlsFlags(await authority.sign('coordinator'));
  const socket = join(dir, 'notify');
  const receiver = spawn('python3', ['-c', RECEIVER, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => receiver.kill());
  const said = createInterface({ input: receiver.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    for (;;) {
      const { value } = await said.next();
      const text = JSON.parse(value ?? '"the receiver has ended"') as string;
      if (!text.startsWith('STATUS=')) return text;
    }
  };
  t.is(await next(), 'bound');
  const databases = ['--nb', `unix:${dir}/nb`, '--sb', `unix:${dir}/sb`];
  const argv = [coordinatorBin, ...databases, '--listen', `unix:${dir}/listen`, ...tls];
  const coordinator = spawn(process.execPath, argv, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '', NOTIFY_SOCKET: socket },
  });
  t.teardown(() => coordinator.kill('SIGKILL'));
  t.is(await next(), 'READY=1');
  await authority.sign('coordinator');
  coordinator.kill('SIGHUP');
  t.regex(await next(), /^RELOADING=1\nMONOTONIC_USEC=\d+$/);
  t.is(await next(), 'READY=1');
});
