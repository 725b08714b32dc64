import { join } from 'node:path';
import test from 'ava';
import { startCentral } from '../testing/central.js';
import { Scene, scene, switchWith } from '../testing/scene.js';
import { SlowLink } from '../testing/slow-link.js';

test.serial('claim, up, --wait=hv, unplug, plug again', async (t) => {
  const made = await scene(t);
  const { central } = made;
  const agent = await made.agent('hv1');
  agent.plug('p1');
  await central.nbctl('--wait=hv', ...switchWith('sw0', 'p1'));
  t.is(await central.nbctl('lsp-get-up', 'p1'), 'up', 'up comes with the answer to --wait=hv, not after it');
  t.is(await made.boundTo('p1'), 'hv1');
  t.is(await made.binding('p1', 'encap'), '');
  agent.unplug('p1');
  await central.nbctl('wait-until', 'Logical_Switch_Port', 'p1', 'up=false');
  t.is(await made.binding('p1', 'chassis'), '');
  t.is(await made.binding('p1', 'up'), 'false');
  await agent.until(() => agent.held.size === 0);
  agent.plug('p1');
  await central.nbctl('wait-until', 'Logical_Switch_Port', 'p1', 'up=true');
  t.is(await made.boundTo('p1'), 'hv1');
});

test.serial(
  'lsp-del and lsp-add of the same name in one transaction, also into another switch',
  async (t) => {
    const made = await scene(t);
    const { central } = made;
    const agent = await made.agent('hv1', { plugged: ['p1'] });
    await central.nbctl('--wait=hv', ...switchWith('sw0', 'p1'), '--', 'ls-add', 'sw1');
    const first = await made.binding('p1', '_uuid');
    await central.nbctl('--wait=hv', 'lsp-del', 'p1', '--', 'lsp-add', 'sw1', 'p1');
    t.not(await made.binding('p1', '_uuid'), first);
    t.is(await central.nbctl('lsp-get-up', 'p1'), 'up');
    t.deepEqual(
      agent.switches.map((one) => one.name),
      ['sw1'],
    );
    await central.nbctl('--wait=hv', 'lsp-del', 'p1');
    t.is(agent.held.size, 0);
    t.deepEqual(await made.problems(), [
      'no logical switch port of that name (p1); tap-p1 drops everything until there is one',
    ]);
    await central.nbctl('--wait=hv', 'lsp-add', 'sw0', 'p1');
    t.deepEqual(await made.problems(), []);
    t.is(await central.nbctl('lsp-get-up', 'p1'), 'up');
  },
);

test.serial(
  'up waits for the acknowledgement, and goes when the agent says that the port stopped',
  async (t) => {
    const made = await scene(t);
    const { central } = made;
    await central.nbctl(...switchWith('sw0', 'p1'));
    // Registered before: on a slow machine the first commit would go without the port, and no second one before its Ack.
    const agent = await made.agent('hv1');
    await central.nbctl('--wait=hv', 'sync');
    agent.autoAck = false;
    agent.plug('p1');
    await agent.until(() => agent.port('p1')?.local === true);
    await central.nbctl('--wait=sb', 'sync');
    t.is(await central.nbctl('lsp-get-up', 'p1'), 'down');
    t.is(await made.boundTo('p1'), 'hv1');
    agent.ack();
    await central.nbctl('wait-until', 'Logical_Switch_Port', 'p1', 'up=true');
    const id = await made.binding('p1', '_uuid');
    const ack = { refusals: [], forwarding: [], forwardingComplete: false, notForwarding: [id] };
    agent.send({
      $case: 'ack',
      value: { ...ack, revision: agent.commits.at(-1)?.revision ?? 0n, nbCfg: 0n, nbCfgTimestamp: 0n },
    });
    await central.nbctl('wait-until', 'Logical_Switch_Port', 'p1', 'up=false');
    t.is(await made.boundTo('p1'), 'hv1');
  },
);

test.serial('requested-chassis: by name, by hostname, moving without an interval', async (t) => {
  const made = await scene(t);
  const { central } = made;
  const [hv1, hv2] = [
    await made.agent('hv1', { plugged: ['p1'] }),
    await made.agent('hv2', { plugged: ['p1'] }),
  ];
  const request = (value: string) =>
    central.nbctl('--wait=hv', 'lsp-set-options', 'p1', `requested-chassis=${value}`);
  await central.nbctl(...switchWith('sw0', 'p1'), '--', 'lsp-set-options', 'p1', 'requested-chassis=hv2');
  await central.nbctl('--wait=hv', 'sync');
  t.is(await made.boundTo('p1'), 'hv2');
  t.deepEqual(await made.problems(), ['port p1: requested-chassis is hv2, not hv1; it is not bound here']);
  await request('hv1.example');
  t.is(await made.boundTo('p1'), 'hv1');
  await request('hv1.example,hv2');
  t.is(await made.sb('Chassis', await made.binding('p1', 'additional_chassis'), 'name'), 'hv2');
  t.deepEqual(await made.problems(), []);
  t.true(hv1.port('p1')?.local);
  t.true(hv2.port('p1')?.local);
  t.deepEqual(hv1.port('p1')?.additionalChassis, ['hv2']);
  const seen: string[] = [];
  hv2.on('delta', (delta) => {
    for (const { body } of delta.upserts) if (body?.$case === 'logicalPort') seen.push(body.value.chassis);
  });
  await request('hv2');
  t.is(await made.boundTo('p1'), 'hv2');
  t.is(await made.binding('p1', 'additional_chassis'), '');
  t.is(await central.nbctl('lsp-get-up', 'p1'), 'up');
  t.deepEqual(seen, ['hv2'], 'never unbound in between');
  await request('elsewhere');
  t.is(await made.boundTo('p1'), '');
});

test.serial(
  'one interface on two hypervisors: the first keeps it, no ping-pong, the second takes over when it goes',
  async (t) => {
    const made = await scene(t);
    const { central } = made;
    const hv1 = await made.agent('hv1', { plugged: ['p1'] });
    await central.nbctl('--wait=hv', ...switchWith('sw0', 'p1'));
    await made.agent('hv2', { plugged: ['p1'] });
    await central.nbctl('--wait=hv', 'sync');
    t.is(await made.boundTo('p1'), 'hv1');
    t.deepEqual(await made.problems(), [
      'port p1: the port is plugged on hv1 too, which keeps it; unplug one of them',
    ]);
    hv1.unplug('p1');
    const hv2 = await central.sbctl('get', 'Chassis', 'hv2', '_uuid');
    await central.sbctl('wait-until', 'Port_Binding', 'p1', `chassis=${hv2}`);
    t.deepEqual(await made.problems(), []);
  },
);

test.serial('iface-id-ver and encap-ip of the interface', async (t) => {
  const made = await scene(t);
  const { central } = made;
  const encaps = ['192.0.2.1', '192.0.2.2'].flatMap((ip) =>
    ['vxlan', 'geneve'].map((type) => ({ type, ip, csum: true })),
  );
  const agent = await made.agent('hv1', { encaps });
  await central.nbctl(...switchWith('sw0', 'p1'), '--', 'lsp-set-options', 'p1', 'iface-id-ver=2');
  agent.plug('p1', { ifaceIdVer: '1', encapIp: '192.0.2.2' });
  await central.nbctl('--wait=hv', 'sync');
  t.is(await made.boundTo('p1'), '');
  agent.plug('p1', { ifaceIdVer: '2', encapIp: '192.0.2.2' });
  await central.nbctl('wait-until', 'Logical_Switch_Port', 'p1', 'up=true');
  const encap = await made.binding('p1', 'encap');
  t.is(await made.sb('Encap', encap, 'ip'), '192.0.2.2');
  t.is(await made.sb('Encap', encap, 'type'), 'geneve', 'the best type, as ovn-controller');
});

test.serial('ports of kinds not supported yet are not bound, and said so; the others work', async (t) => {
  const made = await scene(t);
  const { central } = made;
  await made.agent('hv1', { plugged: ['p1', 'r1'] });
  await central.nbctl(
    '--wait=hv',
    ...switchWith('sw0', 'p1', 'r1'),
    ...['--', 'lsp-set-type', 'r1', 'vtep', '--', 'lsp-set-options', 'p1', 'qos_min_rate=1'],
  );
  t.is(await made.boundTo('p1'), 'hv1');
  t.is(await made.boundTo('r1'), '');
  const problems = await made.problems();
  t.true(problems.some((one) => one.startsWith('vtep ports are not supported yet')));
  t.true(
    problems.some((one) => one.startsWith('port r1 is of type vtep, which has no interface of its own')),
  );
  t.true(problems.some((one) => one.startsWith('qos_min_rate is not supported yet')));
});

test.serial(
  'a slow agent holds back --wait=hv, and only its own acknowledgement ends the wait',
  async (t) => {
    const made = await scene(t);
    const { central } = made;
    await made.agent('hv1');
    const slow = await made.agent('hv2');
    slow.autoAck = false;
    const before = slow.commits.length;
    let returned = false;
    const waiting = central.nbctl('--wait=hv', ...switchWith('sw0', 'p1')).then(() => {
      returned = true;
    });
    await slow.until(() => slow.commits.length > before);
    await central.sbctl('wait-until', 'Chassis_Private', 'hv1', `nb_cfg=${slow.commits.at(-1)?.nbCfg}`);
    await central.nbctl('--wait=sb', 'sync');
    t.false(returned);
    slow.autoAck = true;
    slow.ack();
    await waiting;
    t.pass();
  },
);

test.serial(
  'the agent has a port before Southbound has its claim; up and nb_cfg come after it',
  async (t) => {
    const central = await startCentral();
    t.teardown(() => central.stop());
    let delayMs = 0;
    const link = await new SlowLink(join(central.dir, 'slow.sock'), central.sb, () => delayMs).listen();
    t.teardown(() => link.close());
    const made = new Scene(t, central);
    await made.startCoordinator({ args: ['--sb', link.remote] });
    const agent = await made.agent('hv1');
    await central.nbctl('--wait=hv', ...switchWith('sw0', 'p1'));
    // Longer than all else takes together; what is asserted below does not depend on how long.
    delayMs = 2000;
    agent.plug('p1');
    await agent.until(() => agent.port('p1')?.local === true);
    t.is(await made.boundTo('p1'), '', 'its claim is still on its way');
    t.is(await central.nbctl('lsp-get-up', 'p1'), 'down');
    await central.nbctl('--wait=hv', 'sync');
    t.is(await made.boundTo('p1'), 'hv1');
    t.is(await made.binding('p1', 'up'), 'true');
  },
);
