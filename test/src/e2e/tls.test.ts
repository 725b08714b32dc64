import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { HealthWatch } from '@iovisor-ovn/coordinator/testing';
import test from 'ava';
import { Coordinator, Lab, LabProcess, Pki, serving, until } from '../lab/index.js';
import { ip4, port, spec } from './support/network.js';

// As a site runs it: the coordinator is a host of the underlay, and everybody shows a certificate.
const host = '172.31.0.254';
const address = `${host}:6650`;
let lab: Lab;
let pki: Pki;
const vm = (n: number) => lab.vm(`vm${n}`);
const agentFlags = async (name: string) => ['--coordinator', address, ...(await pki.flags(name))];

test.before(async () => {
  lab = await Lab.create({ start: false });
  pki = await Pki.create(`${lab.registry.dir}/pki`);
  const { central, registry, underlay } = lab;
  await underlay.netns.ip(`addr add ${host}/24 dev br0`);
  const tls = { coordinator: await pki.flags('coordinator', host), iovctl: await pki.flags('iovisor-admin') };
  const { prefix } = underlay.netns;
  lab.coordinator = new Coordinator({ central, registry, outlive: false, listen: address, prefix, tls });
  await lab.coordinator.start();
  for (const hv of lab.hypervisors) await hv.startAgent(...(await agentFlags(hv.name)));
  await lab.nbctl('ls-add', 'sw0', ...port('sw0', 1), ...port('sw0', 3));
  await lab.addMachine(lab.hv(1), spec(1));
  await lab.addMachine(lab.hv(2), spec(3));
  await lab.portsUp('vm1', 'vm3');
  await lab.sync();
});
test.after.always(() => lab?.destroy());

test.serial('with mutual TLS over the underlay, everything works', async (t) => {
  t.true(await vm(1).reaches(ip4(3)));
  t.regex(await lab.coordinator.iovctl('nodes'), /hv2/);
});

/** Runs an agent of hv2's in place of its own, and resolves with its log once it says why it has no session. */
async function refused(flags: string[], why: RegExp): Promise<string> {
  const hv2 = lab.hv(2);
  await hv2.stopAgent();
  const agent = new LabProcess({
    name: 'refused agent',
    argv: hv2.agentArgv(...flags),
    logFile: `${hv2.dir}/refused.log`,
    registry: lab.registry,
  });
  try {
    return await until(`${why}`, async () => {
      const text = agent.tail(100);
      return why.test(text) && text;
    });
  } finally {
    await agent.stop();
    await hv2.startAgent(...(await agentFlags('hv2')));
  }
}

test.serial('a certificate of another chassis is refused, with both names', async (t) => {
  const text = await refused(await agentFlags('hv1'), /PERMISSION_DENIED/);
  t.regex(text, /hv1/);
  t.regex(text, /hv2/);
  await lab.sync();
  t.true(await vm(3).reaches(ip4(1)));
});

test.serial('a certificate of a foreign authority is refused', async (t) => {
  const foreign = await Pki.create(`${lab.registry.dir}/foreign`);
  const flags = ['--coordinator', address, ...(await foreign.flags('hv2'))];
  await refused(flags, /no session/);
  await lab.sync();
  t.pass();
});

test.serial(
  'a hypervisor that is cut off is missed, forwards on its own, and is back by itself',
  async (t) => {
    const connected = async (): Promise<string> => lab.coordinator.iovctl('nodes');
    await lab.underlay.setCable('hv2', false);
    await until('the coordinator misses hv2', async () => !/^hv2 .* yes /m.test(await connected()), 20_000);
    await t.throwsAsync(lab.nbctl('--timeout=1', '--wait=hv', 'sync'));
    await lab.underlay.setCable('hv2', true);
    await until('hv2 is back', async () => /^hv2 .* yes /m.test(await connected()), 30_000);
    await serving(lab.hv(2).health);
    await lab.sync();
    t.true(await vm(1).reaches(ip4(3)));
  },
);

test.serial('a hypervisor may speak for itself only: its certificate shows nothing of others', async (t) => {
  const { central, registry, underlay } = lab;
  const tls = { coordinator: [], iovctl: await pki.flags('hv1') };
  const { prefix } = underlay.netns;
  const asked = new Coordinator({ central, registry, outlive: false, listen: address, prefix, tls });
  const { status, stderr } = await asked.tryIovctl('ports');
  t.not(status, 0);
  t.regex(stderr, /the certificate of "hv1" does not allow ListPorts/);
});

test.serial('an agent says through its Watch streams what is true, whoever is killed or deaf', async (t) => {
  const hv = lab.hv(1);
  const names = ['', 'ovsdb', 'datapath', 'coordinator'];
  const streams = names.map((name) => new HealthWatch(hv.health, name));
  t.teardown(() => {
    for (const stream of streams) stream.close();
  });
  const are = (...serving: boolean[]) =>
    Promise.all(streams.map((one, index) => one.until(serving[index] ? 'SERVING' : 'NOT_SERVING')));
  await are(true, true, true, true);

  await hv.ovsdb.stopServer('SIGKILL');
  await are(false, false, true, true);
  await hv.ovsdb.startServer();
  await are(true, true, true, true);

  process.kill(hv.ovsdb.pid!, 'SIGSTOP');
  lab.coordinator.process!.signal('SIGSTOP');
  await are(false, false, true, false);
  t.true(await vm(1).reaches(ip4(3)), 'the data plane serves');
  process.kill(hv.ovsdb.pid!, 'SIGCONT');
  lab.coordinator.process!.signal('SIGCONT');
  await are(true, true, true, true);
  t.deepEqual(streams[2]!.seen, ['SERVING']);

  await hv.stopAgent();
  await streams[0]!.until('ENDED');
  t.deepEqual(streams[0]!.seen.slice(-2), ['NOT_SERVING', 'ENDED']);
  await hv.startAgent(...(await agentFlags(hv.name)));
});

test.serial(
  'authorities and certificates change everywhere, without a restart and without a lost ping',
  async (t) => {
    const renewed = await Pki.create(`${lab.registry.dir}/renewed`);
    const owners = ['coordinator', 'hv1', 'hv2', 'iovisor-admin'];
    for (const name of owners) await renewed.flags(name, name === 'coordinator' ? host : undefined);
    const daemons = [lab.coordinator.process!, ...lab.hypervisors.map((hv) => hv.agent!)];
    const changed = (daemon: LabProcess) => daemon.tail(1000).split('other TLS files are in use').length;
    const everywhere = async (change: () => void) => {
      const before = daemons.map(changed);
      change();
      for (const daemon of daemons) daemon.signal('SIGHUP');
      await until('all use them', async () =>
        daemons.every((daemon, index) => changed(daemon) > before[index]!),
      );
      await lab.sync();
    };
    const series = await vm(1).pingSeries(ip4(3));
    const both = readFileSync(pki.file('ca.pem'), 'utf8') + readFileSync(renewed.file('ca.pem'), 'utf8');
    await everywhere(() => writeFileSync(pki.file('ca.pem'), both));
    await everywhere(() => {
      for (const name of owners)
        for (const end of ['pem', 'key'])
          copyFileSync(renewed.file(`${name}.${end}`), pki.file(`${name}.${end}`));
    });
    await everywhere(() => copyFileSync(renewed.file('ca.pem'), pki.file('ca.pem')));
    await series.answers(10);
    t.is((await series.stop()).lost, 0);
    t.regex(await lab.coordinator.iovctl('nodes'), /^hv1 .* yes /m);
    t.true(daemons.every((daemon) => daemon.running));
  },
);

test.serial('iovctl without a certificate is told what to do', async (t) => {
  const plain = new Coordinator({
    central: lab.central,
    registry: lab.registry,
    outlive: false,
    listen: address,
    prefix: lab.underlay.netns.prefix,
  });
  const { status, stderr } = await plain.tryIovctl('nodes');
  t.is(status, 2);
  t.regex(stderr, /172\.31\.0\.254:6650 is another machine: give --tls-cert/);
  t.is(stderr.trimEnd().split('\n').length, 1, stderr);
});
