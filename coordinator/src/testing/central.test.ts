import { existsSync } from 'node:fs';
import test from 'ava';
import { startCentral } from './central.js';

test('a private central: northd answers, survives a kill of each server, leaves nothing behind', async (t) => {
  const central = await startCentral();
  t.teardown(() => central.stop());
  await central.nbctl('--wait=sb', 'ls-add', 'sw0', '--', 'lsp-add', 'sw0', 'p0');
  t.is(await central.sbctl('--bare', '--columns=logical_port', 'find', 'Port_Binding', 'type=""'), 'p0');
  for (const which of ['nb', 'sb', 'northd'] as const) {
    const before = central.pid(which);
    await central.stopServer(which, 'SIGKILL');
    t.is(central.pid(which), undefined);
    await central.startServer(which);
    t.not(central.pid(which), before);
  }
  await central.nbctl('--wait=sb', 'lsp-add', 'sw0', 'p1');
  t.is(
    await central.sbctl('--bare', '--columns=logical_port', 'find', 'Port_Binding', 'logical_port=p1'),
    'p1',
  );
  await central.wipe('nb');
  t.is(await central.nbctl('--bare', 'ls-list'), '');
  await central.stop();
  t.false(existsSync(central.dir));
});

test('a central that cannot start says why and leaves nothing running', async (t) => {
  const error = await t.throwsAsync(startCentral({ nbFile: '/etc/hostname' }));
  t.regex(error?.message ?? '', /^nb: ovsdb-server .*nb\.db: ended with 1 before it was ready/s);
});
