import type { LogicalPort } from '@iovisor-ovn/proto';
import test from 'ava';
import { type Scene, scene, switchWith } from '../testing/scene.js';
import type { ScriptedAgent } from '../testing/scripted-agent.js';

/** Arguments of ovn-nbctl that give a port a type and options. */
function typed(port: string, type: string, ...options: string[]): string[] {
  return [
    '--',
    'lsp-set-type',
    port,
    type,
    ...(options.length ? ['--', 'lsp-set-options', port, ...options] : []),
  ];
}

function uuidOf(made: Scene, port: string): Promise<string> {
  return made.binding(port, '_uuid');
}

async function waitBound(made: Scene, port: string, chassis: string): Promise<void> {
  const uuid = chassis === '' ? '[]' : await made.central.sbctl('get', 'Chassis', chassis, '_uuid');
  await made.central.sbctl('wait-until', 'Port_Binding', port, `chassis=${uuid}`);
}

/** Resolves when the agent holds the port so. */
function holds(agent: ScriptedAgent, port: string, wanted: Partial<LogicalPort>): Promise<void> {
  const fits = () => {
    const found = agent.port(port);
    return found !== undefined && Object.entries(wanted).every(([key, value]) => same(found, key, value));
  };
  return agent.until(fits);
}

function same(port: LogicalPort, key: string, value: unknown): boolean {
  return String(port[key as keyof LogicalPort]) === String(value);
}

test.serial('a nested port is where its parent is, up when it forwards itself', async (t) => {
  const made = await scene(t);
  const { central } = made;
  const [hv1, hv2] = [await made.agent('hv1'), await made.agent('hv2')];
  await central.nbctl('ls-add', 'trunk', '--', 'lsp-add', 'trunk', 'par', '--', 'ls-add', 'sw1');
  await central.nbctl('lsp-add', 'sw1', 'kid', 'par', '42', '--', 'lsp-add', 'sw1', 'other');
  hv1.plug('par', { encapIp: '' });
  await central.nbctl('wait-until', 'Logical_Switch_Port', 'kid', 'up=true');
  t.is(await made.boundTo('kid'), 'hv1');
  t.like(hv1.port('kid'), { local: true, parent: 'par', tag: 42, tagEthertype: 0x8100 });
  t.deepEqual(hv1.switches.map(({ name }) => name).sort(), ['sw1', 'trunk']);
  const kid = await uuidOf(made, 'kid');
  const ack = {
    refusals: [],
    forwarding: [],
    forwardingComplete: false,
    notForwarding: [kid],
    nbCfg: 0n,
    nbCfgTimestamp: 0n,
  };
  hv1.send({ $case: 'ack', value: { ...ack, revision: hv1.commits.at(-1)?.revision ?? 0n } });
  await central.nbctl('wait-until', 'Logical_Switch_Port', 'kid', 'up=false');
  t.is(await central.nbctl('lsp-get-up', 'par'), 'up');
  hv1.unplug('par');
  await waitBound(made, 'kid', '');
  hv2.plug('par');
  await waitBound(made, 'kid', 'hv2');
  await central.nbctl('--wait=hv', 'sync');
  t.is(await made.boundTo('par'), 'hv2');
  t.deepEqual(await made.problems(), []);
  hv2.plug('kid');
  await central.nbctl('lsp-del', 'par');
  await waitBound(made, 'kid', '');
  const orphan = 'port kid: its parent_name par is no port with an own interface; it is not bound';
  while (!(await made.problems()).includes(orphan)) await central.nbctl('--wait=hv', 'sync');
  t.true((await made.problems()).some((one) => one.startsWith('port kid is a nested port of par')));
});

test.serial(
  'a nested port without a tag is bound and up as by ovn-controller, and said to be of no use',
  async (t) => {
    const made = await scene(t);
    const { central } = made;
    const hv1 = await made.agent('hv1', { plugged: ['par'] });
    await central.nbctl('ls-add', 'sw0', '--', 'lsp-add', 'sw0', 'par', '--', 'lsp-add', 'sw0', 'kid');
    await central.nbctl('set', 'Logical_Switch_Port', 'kid', 'parent_name=par');
    await central.nbctl('wait-until', 'Logical_Switch_Port', 'par', 'up=true');
    await waitBound(made, 'kid', 'hv1');
    const kid = await uuidOf(made, 'kid');
    const ack = {
      forwarding: [],
      forwardingComplete: false,
      notForwarding: [kid],
      nbCfg: 0n,
      nbCfgTimestamp: 0n,
      refusals: [],
    };
    hv1.send({ $case: 'ack', value: { ...ack, revision: hv1.commits.at(-1)?.revision ?? 0n } });
    await central.nbctl('wait-until', 'Logical_Switch_Port', 'kid', 'up=true');
    await central.nbctl('--wait=hv', 'sync');
    t.is(await central.nbctl('lsp-get-up', 'kid'), 'up');
    t.true((await made.problems()).includes('port kid: a nested port without a tag: nothing reaches it'));
    await central.nbctl('set', 'Logical_Switch_Port', 'kid', 'tag_request=7');
    await central.nbctl('wait-until', 'Logical_Switch_Port', 'kid', 'tag=7');
    await central.nbctl('--wait=hv', 'sync');
    t.deepEqual(await made.problems(), []);
  },
);

test.serial('a virtual port goes to the parent that claimed it last, at a bounded rate', async (t) => {
  const made = await scene(t);
  const { central } = made;
  const [hv1, hv2] = [
    await made.agent('hv1', { plugged: ['a', 'stranger'] }),
    await made.agent('hv2', { plugged: ['b'] }),
  ];
  await central.nbctl(
    ...switchWith('sw0', 'a', 'b', 'stranger', 'vip'),
    ...typed('vip', 'virtual', 'virtual-ip=10.0.0.9', 'virtual-parents=a,b'),
  );
  await central.nbctl('--wait=hv', 'sync');
  const [vip, a, b, stranger] = await Promise.all(
    ['vip', 'a', 'b', 'stranger'].map((one) => uuidOf(made, one)),
  );
  const ip = Buffer.from([10, 0, 0, 9]);
  t.deepEqual(hv1.port('a')?.virtualAddresses, [{ portId: vip!, ip }]);
  t.deepEqual(hv1.port('b')?.virtualAddresses, [], 'only of local ports');
  t.deepEqual(hv1.port('stranger')?.virtualAddresses, []);
  const claim = (agent: ScriptedAgent, parentId = '', portId = vip!) =>
    agent.observe({ virtualClaims: [{ portId, parentId }] });
  claim(hv1, stranger);
  claim(hv1, b);
  claim(hv2, a);
  claim(hv2, 'nonsense', 'nonsense');
  claim(hv2, b, a);
  await central.nbctl('--wait=hv', 'sync');
  t.is(await made.binding('vip', 'virtual_parent'), '');
  claim(hv1, a);
  await waitBound(made, 'vip', 'hv1');
  await central.nbctl('wait-until', 'Logical_Switch_Port', 'vip', 'up=true');
  t.is(await made.binding('vip', 'virtual_parent'), 'a');
  await holds(hv1, 'vip', { local: true, chassis: 'hv1' });
  const seen: string[] = [];
  hv1.on('delta', (delta) => {
    for (const { body } of delta.upserts)
      if (body?.$case === 'logicalPort' && body.value.name === 'vip') seen.push(body.value.chassis);
  });
  for (let i = 0; i < 50; i++) {
    claim(hv1, a);
    claim(hv2, b);
  }
  claim(hv2, b);
  await waitBound(made, 'vip', 'hv2');
  await holds(hv1, 'vip', { local: false, chassis: 'hv2' });
  t.true(seen.length < 5, seen.join());
  hv2.unplug('b');
  await waitBound(made, 'vip', '');
  t.is(await made.binding('vip', 'virtual_parent'), '');
  await central.nbctl('lsp-set-options', 'vip', 'virtual-ip=10.0.0.10', 'virtual-parents=b');
  await holds(hv1, 'a', { virtualAddresses: [] });
  t.deepEqual(await made.problems(), []);
});

test.serial(
  'an external port is on the chassis of highest priority that is alive; the others are ready',
  async (t) => {
    const made = await scene(t);
    const { central } = made;
    const [hv1, hv2] = [await made.agent('hv1'), await made.agent('hv2')];
    await central.nbctl(...switchWith('sw0', 'ext'), ...typed('ext', 'external'));
    await central.nbctl('--wait=sb', 'sync');
    t.true((await made.problems()).some((one) => one.includes('without ha_chassis_group')));
    await central.nbctl(
      ...['ha-chassis-group-add', 'g', '--', 'ha-chassis-group-add-chassis', 'g', 'hv1', '10'],
      ...[
        '--',
        'ha-chassis-group-add-chassis',
        'g',
        'hv2',
        '20',
        '--',
        'ha-chassis-group-add-chassis',
        'g',
        'ghost',
        '30',
      ],
    );
    const group = await central.nbctl('--bare', '--columns=_uuid', 'list', 'HA_Chassis_Group');
    await central.nbctl('set', 'Logical_Switch_Port', 'ext', `ha_chassis_group=${group}`);
    await waitBound(made, 'ext', 'hv2');
    await central.nbctl('wait-until', 'Logical_Switch_Port', 'ext', 'up=true');
    await holds(hv1, 'ext', { local: false, chassis: 'hv2' });
    await holds(hv2, 'ext', { local: true, chassis: 'hv2' });
    t.deepEqual(
      hv1.chassis.map(({ name }) => name),
      ['hv2'],
    );
    hv2.close();
    await waitBound(made, 'ext', 'hv1');
    await holds(hv1, 'ext', { local: true, chassis: 'hv1' });
    await made.agent('hv2');
    await waitBound(made, 'ext', 'hv2');
    await central.nbctl('ha-chassis-group-add-chassis', 'g', 'hv1', '25');
    await waitBound(made, 'ext', 'hv1');
    await central.nbctl('clear', 'Logical_Switch_Port', 'ext', 'ha_chassis_group');
    await waitBound(made, 'ext', '');
    await hv1.until(() => hv1.switches.length === 0);
    t.pass();
  },
);

test.serial('an agent that restarts keeps its external ports', async (t) => {
  const made = await scene(t);
  const { central } = made;
  const hv1 = await made.agent('hv1');
  const hv2 = await made.agent('hv2');
  await central.nbctl(...switchWith('sw0', 'ext'), ...typed('ext', 'external'));
  await central.nbctl(
    ...['ha-chassis-group-add', 'g', '--', 'ha-chassis-group-add-chassis', 'g', 'hv1', '20'],
    ...['--', 'ha-chassis-group-add-chassis', 'g', 'hv2', '10'],
  );
  const group = await central.nbctl('--bare', '--columns=_uuid', 'list', 'HA_Chassis_Group');
  await central.nbctl('set', 'Logical_Switch_Port', 'ext', `ha_chassis_group=${group}`);
  await waitBound(made, 'ext', 'hv1');
  // What an agent was told of who has the port.
  const told = (agent: ScriptedAgent) =>
    agent.deltas.flatMap(({ upserts }) =>
      upserts.flatMap(({ body }) => (body?.$case === 'logicalPort' ? [body.value.chassis] : [])),
    );
  // On a machine too loaded to be back in time it may move, and has to come back.
  const inTime = (since: number) => performance.now() - since < 4000;
  await holds(hv2, 'ext', { chassis: 'hv1' });
  const before = told(hv2).length;
  let since = performance.now();
  hv1.close();
  await made.agent('hv1');
  await central.nbctl('--wait=hv', 'sync');
  const moved = told(hv2)
    .slice(before)
    .filter((chassis) => chassis !== 'hv1');
  if (inTime(since)) t.deepEqual(moved, []);
  await made.coordinator.stop('SIGKILL');
  since = performance.now();
  await made.startCoordinator();
  const again = await made.agent('hv2');
  await made.agent('hv1');
  await central.nbctl('--wait=hv', 'sync');
  if (inTime(since)) t.deepEqual([...new Set(told(again))], ['hv1']);
  await waitBound(made, 'ext', 'hv1');
});

test.serial('localnet, localport, l2gateway: on whom they are, and what agents are told', async (t) => {
  const made = await scene(t);
  const { central } = made;
  const hv1 = await made.agent('hv1', { plugged: ['vm', 'meta'] });
  const hv2 = await made.agent('hv2', { plugged: ['meta'] });
  await central.nbctl(
    ...switchWith('sw0', 'vm', 'meta', 'net'),
    ...typed('meta', 'localport'),
    ...typed(
      'net',
      'localnet',
      'network_name=phys',
      'ethtype=802.11ad',
      'qos_max_rate=1000000',
      'qos_burst=2000',
    ),
    ...[
      '--',
      'lsp-set-addresses',
      'net',
      'unknown',
      '--',
      'set',
      'Logical_Switch_Port',
      'net',
      'tag_request=100',
    ],
  );
  await central.nbctl('--wait=hv', 'sync');
  const net = {
    local: true,
    type: 'localnet',
    network: 'phys',
    tag: 100,
    tagEthertype: 0x88a8,
    learn: false,
  };
  t.like(hv1.port('net'), { ...net, chassis: '', qosMaxRate: 1000000n, qosBurst: 2000n });
  t.like(hv1.port('meta'), { local: true, type: 'localport', chassis: '' });
  t.deepEqual(hv2.switches, [], 'a localport alone does not bring its switch');
  t.is(await central.nbctl('lsp-get-up', 'meta'), 'down');
  t.is(await made.boundTo('net'), '');
  await central.nbctl('lsp-set-options', 'net', 'network_name=phys', 'localnet_learn_fdb=true');
  await holds(hv1, 'net', { learn: true, tagEthertype: 0x8100 });
  await central.nbctl(
    'ls-add',
    'sw1',
    '--',
    'lsp-add',
    'sw1',
    'l2',
    ...typed('l2', 'l2gateway', 'network_name=phys', 'l2gateway-chassis=hv2.example'),
  );
  await central.nbctl('--wait=hv', 'sync');
  t.is(await made.boundTo('l2'), '', 'not by hostname');
  t.true((await made.problems()).some((one) => one.includes('l2gateway-chassis hv2.example is no Chassis')));
  await central.nbctl('lsp-set-options', 'l2', 'network_name=phys', 'l2gateway-chassis=hv2');
  await waitBound(made, 'l2', 'hv2');
  await holds(hv2, 'l2', { local: true, network: 'phys', chassis: 'hv2' });
  t.is(await central.nbctl('lsp-get-up', 'l2'), 'up');
  t.deepEqual(await made.problems(), []);
  await central.nbctl('lsp-set-options', 'l2', 'network_name=phys', 'l2gateway-chassis=hv1');
  await waitBound(made, 'l2', 'hv1');
  await hv2.until(() => hv2.switches.length === 0);
});

test.serial('live migration: the additional chassis waits for a RARP that it saw itself', async (t) => {
  const made = await scene(t);
  const { central } = made;
  const encaps = (n: number) => [1, 2].map((i) => ({ type: 'geneve', ip: `192.0.2.${n}${i}`, csum: true }));
  const hv1 = await made.agent('hv1', { plugged: ['p1'], encaps: encaps(1) });
  const hv2 = await made.agent('hv2', { encaps: encaps(2) });
  await central.nbctl(...switchWith('sw0', 'p1'));
  hv2.plug('p1', { encapIp: '192.0.2.22' });
  await central.nbctl(
    '--wait=hv',
    'lsp-set-options',
    'p1',
    'requested-chassis=hv1,hv2',
    'activation-strategy=rarp',
  );
  t.like(hv1.port('p1'), { local: true, awaitsRarp: false, chassis: 'hv1', additionalChassis: ['hv2'] });
  t.like(hv2.port('p1'), { local: true, awaitsRarp: true });
  t.is(await made.sb('Encap', await made.binding('p1', 'additional_encap'), 'ip'), '192.0.2.22');
  const id = await uuidOf(made, 'p1');
  hv1.observe({ activated: [id] });
  await central.nbctl('--wait=hv', 'sync');
  t.false((await made.binding('p1', 'options')).includes('additional-chassis-activated'));
  hv2.observe({ activated: [id, 'nonsense'] });
  await holds(hv2, 'p1', { awaitsRarp: false });
  t.true((await made.binding('p1', 'options')).includes('additional-chassis-activated=hv2'));
  await central.nbctl('--wait=hv', 'lsp-set-options', 'p1', 'requested-chassis=hv2');
  t.is(await made.boundTo('p1'), 'hv2');
  t.is(await made.binding('p1', 'additional_encap'), '');
  t.is(await made.sb('Encap', await made.binding('p1', 'encap'), 'ip'), '192.0.2.22');
  t.false((await made.binding('p1', 'options')).includes('additional-chassis-activated'));
  await central.nbctl(
    '--wait=hv',
    'lsp-set-options',
    'p1',
    'requested-chassis=hv1,hv2',
    'activation-strategy=none',
  );
  t.like(hv2.port('p1'), { awaitsRarp: false });
  t.true((await made.problems()).some((one) => one.includes('activation-strategy "none" is unknown')));
});

test.serial('chassis of disjoint transport zones do not hear of each other', async (t) => {
  const made = await scene(t);
  const { central } = made;
  const hv1 = await made.agent('hv1', { plugged: ['a'], transportZones: ['z1', 'z2'] });
  const hv2 = await made.agent('hv2', { plugged: ['b'], transportZones: ['z2'] });
  const hv3 = await made.agent('hv3', { plugged: ['c'], transportZones: ['z3'] });
  const hv4 = await made.agent('hv4', { plugged: ['d'] });
  await central.nbctl('--wait=hv', ...switchWith('sw0', 'a', 'b', 'c', 'd'));
  const known = (agent: ScriptedAgent) => agent.chassis.map(({ name }) => name);
  t.deepEqual([hv1, hv2, hv3, hv4].map(known), [['hv2'], ['hv1'], [], []]);
  const encaps = [{ type: 'vxlan', ip: '192.0.2.200', csum: true }];
  const config = { name: 'hv3', hostname: 'hv3.example', otherConfig: {}, encaps };
  hv3.send({ $case: 'chassisConfig', value: { ...config, transportZones: ['z1'] } });
  await hv3.until(() => known(hv3).length > 0);
  await hv1.until(() => known(hv1).length === 2);
  t.deepEqual([known(hv1).sort(), known(hv3)], [['hv2', 'hv3'], ['hv1']]);
  t.is(hv1.ports.length, 4, 'ports are known all the same');
});
