import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { Client } from '@iovisor-ovn/ovsdb-client';
import test from 'ava';
import { startCoordinator } from '../testing/process.js';
import { type Scene, scene, switchWith } from '../testing/scene.js';
import { nameOf, type ScriptedAgent } from '../testing/scripted-agent.js';
import { SlowLink } from '../testing/slow-link.js';

const ports = ['p1', 'p2'];

async function forwarding(t: Parameters<typeof scene>[0]): Promise<{ made: Scene; agent: ScriptedAgent }> {
  const made = await scene(t);
  const agent = await made.agent('hv1', { plugged: ports });
  await made.central.nbctl('--wait=hv', ...switchWith('sw0', ...ports));
  return { made, agent };
}

async function works(t: Parameters<typeof scene>[0], made: Scene, agent: ScriptedAgent): Promise<void> {
  await made.central.nbctl(
    '--wait=hv',
    'lsp-add',
    'sw0',
    'new',
    '--',
    'lsp-set-addresses',
    'new',
    '0a:00:00:00:00:09',
  );
  t.is(agent.port('new')?.addresses.length, 1);
  for (const port of ports) t.is(await made.central.nbctl('lsp-get-up', port), 'up');
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const)
  for (const which of ['nb', 'sb'] as const)
    test.serial(
      `${which} ended by ${signal} and started again: the agent hears nothing, then all works`,
      async (t) => {
        const { made, agent } = await forwarding(t);
        const deltas = agent.deltas.length;
        await made.central.stopServer(which, signal);
        await made.central.startServer(which);
        await made.coordinator.healthy();
        t.is(agent.deltas.length, deltas);
        t.is(agent.ended, undefined, 'the session outlives a restart of the database');
        await works(t, made, agent);
      },
    );

test.serial('both databases away: a problem each, the session lives; back: healed', async (t) => {
  const { made, agent } = await forwarding(t);
  for (const which of ['nb', 'sb'] as const) await made.central.stopServer(which, 'SIGKILL');
  while ((await made.problems()).length < 2) await new Promise(setImmediate);
  for (const problem of await made.problems()) t.regex(problem, /^not connected to unix:/);
  for (const which of ['nb', 'sb'] as const) await made.central.startServer(which);
  await made.coordinator.healthy();
  t.deepEqual(await made.problems(), []);
  await works(t, made, agent);
});

test.serial(
  'Southbound wiped: northd makes it anew, the chassis is registered and the ports bound again',
  async (t) => {
    const { made, agent } = await forwarding(t);
    await made.central.wipe('sb');
    await made.central.sbctl('init');
    await made.central.nbctl('--wait=sb', 'sync');
    await made.central.sbctl('wait-until', 'Chassis', 'hv1', 'name=hv1');
    for (const port of ports) await made.central.nbctl('wait-until', 'Logical_Switch_Port', port, 'up=true');
    await works(t, made, agent);
  },
);

test.serial(
  'Southbound wiped while northd is away: agents keep what they have until it is made anew, and then get that at once',
  async (t) => {
    const { made, agent } = await forwarding(t);
    const before = [...agent.held.keys()];
    await made.central.stopServer('northd', 'SIGKILL');
    await made.central.wipe('sb');
    // Our own rows do not depend on northd.
    await made.central.sbctl('wait-until', 'Chassis', 'hv1', 'name=hv1');
    while (!(await made.problems()).some((text) => /lacks 2 ports/.test(text)))
      await new Promise(setImmediate);
    t.deepEqual([...agent.held.keys()], before);
    const commits = agent.commits.length;
    await made.central.startServer('northd');
    for (const port of ports) await made.central.nbctl('wait-until', 'Logical_Switch_Port', port, 'up=true');
    await agent.until(() => !before.some((key) => agent.held.has(key)));
    t.deepEqual(agent.ports.map(({ name }) => name).sort(), ports);
    const old = agent.deltas.find(({ removals }) => removals.length > 0);
    t.true((old?.upserts.length ?? 0) >= 2, 'old and new are one commit');
    t.true(agent.commits.length > commits);
    t.deepEqual(await made.problems(), []);
    await works(t, made, agent);
  },
);

test.serial('a coordinator that starts while Southbound is empty waits for northd', async (t) => {
  const { made, agent } = await forwarding(t);
  await made.coordinator.stop('SIGKILL');
  await made.central.stopServer('northd', 'SIGKILL');
  await made.central.wipe('sb');
  await made.startCoordinator({ until: 'standby' });
  while ((await made.problems()).length < 1) await new Promise(setImmediate);
  t.regex((await made.problems())[0]!, /Southbound is empty/);
  const again = made.connect('hv1', { plugged: ports, held: agent.held, instance: 'again' });
  const refused = await again.untilEnded();
  t.is(refused?.code, status.UNAVAILABLE);
  await made.central.startServer('northd');
  await made.coordinator.healthy();
  const back = await made.agent('hv1', { plugged: ports, held: agent.held });
  for (const port of ports) await made.central.nbctl('wait-until', 'Logical_Switch_Port', port, 'up=true');
  await works(t, made, back);
});

test.serial('Northbound wiped: nothing is left; configured anew it works', async (t) => {
  const { made, agent } = await forwarding(t);
  await made.central.wipe('nb');
  await made.central.nbctl('init');
  await made.central.nbctl('--wait=hv', 'sync');
  await agent.until(() => agent.held.size === 0);
  await made.central.nbctl('--wait=hv', ...switchWith('sw0', ...ports));
  await works(t, made, agent);
});

test.serial(
  'northd away: bound ports stay, and what was asked meanwhile is done when it is back',
  async (t) => {
    const { made, agent } = await forwarding(t);
    await made.central.stopServer('northd', 'SIGKILL');
    await made.central.nbctl('lsp-add', 'sw0', 'p3');
    agent.plug('p3');
    await made.central.startServer('northd');
    await made.central.nbctl('wait-until', 'Logical_Switch_Port', 'p3', 'up=true');
    await works(t, made, agent);
  },
);

test.serial('the coordinator killed and started again sends only the difference', async (t) => {
  const { made, agent } = await forwarding(t);
  await made.coordinator.stop('SIGKILL');
  t.is((await agent.untilEnded())?.code, status.UNAVAILABLE);
  await made.central.nbctl('--wait=sb', 'lsp-set-enabled', 'p2', 'disabled');
  await made.startCoordinator();
  const again = await made.agent('hv1', { plugged: ports, held: agent.held });
  t.deepEqual(
    again.deltas.flatMap((delta) => delta.upserts.map(nameOf)),
    ['p2'],
  );
  t.deepEqual(
    again.deltas.flatMap((delta) => delta.removals),
    [],
  );
  await works(t, made, again);
});

test.serial('TERM leaves Southbound as it is and ends with status 0', async (t) => {
  const { made } = await forwarding(t);
  const rows = () => made.central.sbctl('--columns=chassis,up', 'list', 'Port_Binding');
  const before = await rows();
  t.is(await made.coordinator.stop('SIGTERM'), 0);
  t.is(await rows(), before);
  t.is(await made.central.sbctl('--bare', '--columns=name', 'list', 'Chassis'), 'hv1');
});

test.serial('a standby refuses agents, and takes over when the leader is killed', async (t) => {
  const { made, agent } = await forwarding(t);
  const leader = made.coordinator;
  const standby = await made.startCoordinator({ until: 'standby' });
  const refused = await made.connect('hv1', { plugged: ports, held: agent.held }).untilEnded();
  t.is(refused?.code, status.UNAVAILABLE);
  t.regex(refused?.details ?? '', /not the leader/);
  await leader.stop('SIGKILL');
  await standby.healthy();
  const again = await made.agent('hv1', { plugged: ports, held: agent.held });
  t.deepEqual(again.deltas, []);
  await works(t, made, again);
});

test.serial('a leader whose lock is stolen ends its sessions and writes no more', async (t) => {
  const { made, agent } = await forwarding(t);
  const thief = new Client({ remotes: made.central.sb, database: 'OVN_Southbound' });
  t.teardown(() => thief.close());
  thief.start();
  await thief.whenConnected();
  await thief.lock('iovisor_coordinator').steal();
  const error = await agent.untilEnded();
  t.is(error?.code, status.UNAVAILABLE);
  t.regex(error?.details ?? '', /another coordinator has taken the lead/);
  const refused = await made.connect('hv1', { plugged: ports }).untilEnded();
  t.regex(refused?.details ?? '', /not the leader/);
});

test.serial(
  'what a leader could not write before it was deposed is not written when it leads again',
  async (t) => {
    const made = await scene(t, { coordinator: { until: 'serving' } });
    const { central } = made;
    await made.coordinator.stop('SIGKILL');
    const link = new SlowLink(join(central.dir, 'link.sock'), central.sb, () => 0);
    await link.listen();
    t.teardown(() => link.close());
    const first = await startCoordinator({ dir: central.dir, nb: central.nb, sb: link.remote });
    t.teardown(() => first.stop('SIGKILL'));
    made.coordinator = first;
    const agent = await made.agent('hv1', { plugged: ports });
    await central.nbctl('--wait=hv', ...switchWith('sw0', ...ports));
    const second = await startCoordinator(central, { until: 'standby' });
    t.teardown(() => second.stop('SIGKILL'));
    // It has Southbound no more, and is asked to take its chassis out of it.
    await link.close();
    await second.healthy();
    agent.send({ $case: 'goodbye', value: { removeChassis: true } });
    await agent.untilEnded();
    await link.listen();
    await first.healthy('ovn-sb');
    // The hypervisor stays, after all.
    made.coordinator = second;
    const stays = await made.agent('hv1', { plugged: ports });
    await central.nbctl('--wait=hv', 'sync');
    const chassis = await central.sbctl('--bare', '--columns=_uuid', 'list', 'Chassis');
    // Long deposed, it leads again.
    await new Promise((resolve) => setTimeout(resolve, 1200));
    await second.stop('SIGKILL');
    await first.healthy();
    made.coordinator = first;
    const back = await made.agent('hv1', { plugged: ports, held: stays.held });
    await central.nbctl('--wait=hv', 'sync');
    t.is(await central.sbctl('--bare', '--columns=_uuid', 'list', 'Chassis'), chassis);
    await works(t, made, back);
  },
);

test.serial(
  'addresses and port_security that are garbage: named, harmless to others, healed when corrected',
  async (t) => {
    const { made, agent } = await forwarding(t);
    const { central } = made;
    await central.nbctl(
      '--wait=hv',
      ...['set', 'Logical_Switch_Port', 'p1', 'addresses=["0a:00:00:00:00:01 10.0.0.1 junk","nonsense"]'],
      ...['--', 'set', 'Logical_Switch_Port', 'p1', 'port_security=["rubbish","0a:00:00:00:00:01"]'],
      ...['--', 'lsp-set-addresses', 'p2', '0a:00:00:00:00:02 10.0.0.2'],
    );
    t.is(agent.port('p1')?.addresses.length, 1);
    t.is(agent.port('p1')?.portSecurity.length, 1);
    t.is(agent.port('p2')?.addresses.length, 1);
    const problems = await made.problems();
    t.is(problems.length, 3);
    for (const [index, text] of ['junk', 'nonsense', 'rubbish'].entries())
      t.true(problems[index]?.includes(text));
    await central.nbctl('--wait=hv', 'lsp-set-port-security', 'p1', 'only garbage');
    t.like(agent.port('p1'), { portSecurity: [], portSecurityEnabled: true });
    await central.nbctl(
      '--wait=hv',
      'lsp-set-addresses',
      'p1',
      'unknown',
      '--',
      'lsp-set-port-security',
      'p1',
    );
    t.deepEqual(await made.problems(), []);
    t.like(agent.port('p1'), { unknown: true, portSecurityEnabled: false });
  },
);

test.serial('a port in two switches is said on both rows and heals', async (t) => {
  const { made, agent } = await forwarding(t);
  const { central } = made;
  const uuid = await central.nbctl('get', 'Logical_Switch_Port', 'p1', '_uuid');
  await central.nbctl('--wait=hv', 'ls-add', 'sw1', '--', 'add', 'Logical_Switch', 'sw1', 'ports', uuid);
  const problems = await made.problems();
  t.is(problems.filter((one) => one.includes('p1 is in several switches (sw0, sw1)')).length, 2);
  t.is(agent.ports.filter((port) => port.name === 'p1').length, 1);
  await central.nbctl('--wait=hv', 'remove', 'Logical_Switch', 'sw1', 'ports', uuid);
  t.deepEqual(await made.problems(), []);
  await works(t, made, agent);
});
