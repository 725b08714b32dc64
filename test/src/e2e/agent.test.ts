import { existsSync, readdirSync } from 'node:fs';
import test from 'ava';
import { command, type Lab, LabProcess, program, tryCommand, until } from '../lab/index.js';
import { problems } from './support/iovctl.js';
import { ip4, network } from './support/network.js';

let lab: Lab;
const vm = (n: number) => lab.vm(`vm${n}`);

test.before(async () => {
  lab = await network();
});
test.after.always(() => lab?.destroy());

test.serial('a second agent with the same system-id is refused, and harms nothing', async (t) => {
  const [hv1, hv2] = [lab.hv(1), lab.hv(2)];
  const series = await vm(1).pingSeries(ip4(3));
  await hv2.stopAgent();
  // The mistake: a cloned hypervisor that kept its original's identity.
  await hv2.vsctl('--no-wait', 'set', 'Open_vSwitch', '.', 'external_ids:system-id=hv1');
  const impostor = new LabProcess({
    name: 'impostor',
    argv: hv2.agentArgv(),
    logFile: `${hv2.dir}/impostor.log`,
    registry: lab.registry,
  });
  const listed = () =>
    problems(lab).then((all) =>
      all.find(({ message }) => /hv1/.test(message) && /already|another|second/i.test(message)),
    );
  await until('the problem is listed', listed);
  t.true(impostor.running, 'it goes on trying');
  // It hears of it a moment after the coordinator has listed it.
  await until('the impostor says why', async () => /refused.*hv1|hv1.*connected/.test(impostor.tail(200)));
  await series.answers(10);
  await impostor.stop();
  await hv2.vsctl('--no-wait', 'set', 'Open_vSwitch', '.', 'external_ids:system-id=hv2');
  await hv2.startAgent();
  await lab.sync();
  // The coordinator cannot know that the impostor will not come back. It forgets it after a minute of silence, or when
  // the true hv1 connects anew.
  await hv1.stopAgent();
  await hv1.startAgent();
  await until('the problem is gone', async () => !(await listed()));
  t.is((await series.stop()).lost, 0);
  t.true(hv1.agent!.running);
});

for (const [who, argv, what] of [
  ['iovisor-agent', ['--no-such-flag'], /no-such-flag/],
  ['iovisor-agent', ['--ovsdb', 'nonsense'], /nonsense/],
  ['iovisor-agent', ['--config', '/nonexistent.yaml'], /\/nonexistent\.yaml/],
  ['iovisor-coordinator', ['--no-such-flag'], /no-such-flag/],
  ['iovisor-coordinator', ['--nb', 'nonsense', '--sb', 'unix:/x'], /nonsense/],
  [
    'iovisor-coordinator',
    ['--nb', 'unix:/x', '--sb', 'unix:/x', '--tls-cert', '/nonexistent.pem'],
    /nonexistent\.pem|tls/,
  ],
  ['iovctl', ['no-such-subcommand'], /no-such-subcommand/],
] as const) {
  test.serial(`${who} ${argv.join(' ')}: status 2 and one line`, async (t) => {
    const room = who === 'iovisor-agent' ? 'agent' : 'coordinator';
    const { status, stdout, stderr } = await tryCommand([...program(room, who), ...argv], {
      timeoutMs: 10_000,
    });
    t.is(status, 2, stdout + stderr);
    t.regex(stderr, what);
    t.is(stderr.trimEnd().split('\n').length, 1, stderr);
  });
}

test.serial('not root: one line, before anything is touched', async (t) => {
  const argv = [...program('agent', 'iovisor-agent'), '--bpffs', `${lab.hv(1).bpffs}-user`];
  // Nobody, but able to read a checkout below /root.
  const read = ['--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search'];
  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', ...read, '--'];
  const { status, stderr } = await tryCommand([...nobody, ...argv]);
  t.not(status, 0);
  t.is(stderr.trimEnd().split('\n').length, 1, stderr);
  t.regex(stderr, /root|CAP_/);
});

test.serial('no bpffs: one line, before anything is touched', async (t) => {
  const { status, stderr } = await lab
    .hv(1)
    .runAgent('--ovsdb', lab.hv(1).ovsdb.remote, '--bpffs', lab.hv(1).dir);
  t.not(status, 0);
  t.is(stderr.trimEnd().split('\n').length, 1, stderr);
  t.regex(stderr, /bpf/);
});

test.serial('--cleanup removes every program, map and link, and does nothing the second time', async (t) => {
  const hv = lab.hv(1);
  await hv.stopAgent();
  t.true(existsSync(hv.bpffs));
  t.true(await vm(1).reaches(ip4(3)), 'stopped, it forwards');
  const cleanup = () => hv.runAgent('--cleanup', '--bpffs', hv.bpffs, '--ovsdb', hv.ovsdb.remote);
  t.is((await cleanup()).status, 0);
  t.false(existsSync(hv.bpffs) && readdirSync(hv.bpffs).some((name) => name.startsWith('v')));
  t.is((await vm(1).ping(ip4(3), { count: 1 })).received, 0);
  const filters = await command([...hv.netns.prefix, 'tc', 'filter', 'show', 'dev', 'tap1', 'ingress']);
  t.is(filters.trim(), '');
  t.is((await cleanup()).status, 0);
  await hv.startAgent();
  await lab.sync();
  await until('it works again', () => vm(1).reaches(ip4(3), { count: 1, waitSeconds: 1 }));
});
