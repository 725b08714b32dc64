import { status } from '@grpc/grpc-js';
import test from 'ava';
import { scene } from '../testing/scene.js';

const geneve = { type: 'geneve', ip: '192.0.2.1', csum: true };

test.serial('an agent’s chassis is registered with the rows that ovn-controller writes', async (t) => {
  const made = await scene(t);
  const { central } = made;
  await made.agent('hv1', {
    encaps: [geneve, { type: 'vxlan', ip: '192.0.2.1', csum: true }],
    otherConfig: { 'ovn-bridge-mappings': 'physnet1:br-ex', 'datapath-type': 'system' },
  });
  t.is(await central.sbctl('--bare', '--columns=hostname', 'list', 'Chassis', 'hv1'), 'hv1.example');
  const encaps = await central.sbctl('--bare', '--columns=type', 'find', 'Encap', 'chassis_name=hv1');
  t.deepEqual(encaps.split(/\s+/).sort(), ['geneve', 'vxlan']);
  t.is(await central.sbctl('--bare', '--columns=options', 'find', 'Encap', 'type=geneve'), 'csum=true');
  for (const key of ['port-up-notif', 'ct-no-masked-label', 'mac-binding-timestamp', 'ovn-ct-lb-related'])
    t.is(await central.sbctl('get', 'Chassis', 'hv1', `other_config:${key}`), '"true"');
  t.is(await central.sbctl('get', 'Chassis', 'hv1', 'other_config:ovn-monitor-all'), '"false"');
  t.is(await central.sbctl('get', 'Chassis', 'hv1', 'other_config:datapath-type'), 'system');
  t.is(
    await central.sbctl('get', 'Chassis', 'hv1', 'external_ids'),
    '{ovn-bridge-mappings="physnet1:br-ex"}',
  );
  t.is(await central.sbctl('get', 'Chassis', 'hv1', 'nb_cfg'), '0');
  const uuid = await central.sbctl('get', 'Chassis', 'hv1', '_uuid');
  t.is(await central.sbctl('get', 'Chassis_Private', 'hv1', 'chassis'), uuid);
  // A chassis that joins is as far as everybody: Neutron would ignore the first change of one that starts at 0.
  t.is(
    await central.sbctl('get', 'Chassis_Private', 'hv1', 'nb_cfg'),
    await central.sbctl('get', 'SB_Global', '.', 'nb_cfg'),
  );
});

test.serial(
  'nb_cfg is answered up to the last number of 64 bits, exactly, and begins anew after it',
  async (t) => {
    const made = await scene(t);
    const { central } = made;
    const agent = await made.agent('hv1', { encaps: [geneve] });
    const applied = () => central.sbctl('get', 'Chassis_Private', 'hv1', 'nb_cfg');
    for (const [before, after] of [
      ['9007199254740991', '9007199254740992'],
      ['9223372036854775806', '9223372036854775807'],
    ] as const) {
      await central.nbctl('set', 'NB_Global', '.', `nb_cfg=${before}`);
      await central.nbctl('--timeout=20', '--wait=hv', 'sync');
      t.is(await applied(), after);
      t.is(agent.commits.at(-1)?.nbCfg, BigInt(after));
    }
    await central.nbctl('--timeout=20', '--wait=hv', 'sync');
    t.is(await applied(), '1');
  },
);

test.serial('rows that are there are adopted and only put right; what others wrote stays', async (t) => {
  const made = await scene(t);
  const { central } = made;
  await central.sbctl('chassis-add', 'hv1', 'geneve', '192.0.2.1');
  await central.sbctl('set', 'Chassis', 'hv1', 'other_config:ct-state-save=true', 'external_ids:mine=1');
  const uuid = await central.sbctl('get', 'Chassis', 'hv1', '_uuid');
  await central.sbctl(
    'create',
    'Chassis_Private',
    'name=hv1',
    `chassis=${uuid}`,
    'external_ids:neutron=x',
    'nb_cfg=0',
  );
  const agent = await made.agent('hv1', { encaps: [geneve], autoAck: false });
  t.is(await central.sbctl('get', 'Chassis', 'hv1', '_uuid'), uuid);
  t.is(await central.sbctl('get', 'Chassis', 'hv1', 'hostname'), 'hv1.example');
  t.is(await central.sbctl('get', 'Chassis', 'hv1', 'external_ids'), '{mine="1"}');
  t.is(await central.sbctl('--if-exists', 'get', 'Chassis', 'hv1', 'other_config:ct-state-save'), '');
  t.is(await central.sbctl('get', 'Chassis_Private', 'hv1', 'external_ids'), '{neutron=x}');
  t.is(await central.sbctl('get', 'Chassis_Private', 'hv1', 'nb_cfg'), '0', 'nothing was acknowledged');
  agent.nbCfgTimestamp = 1700000000000n;
  agent.ack();
  await central.sbctl('wait-until', 'Chassis_Private', 'hv1', 'nb_cfg=1');
  const time = await central.sbctl('get', 'Chassis_Private', 'hv1', 'nb_cfg_timestamp');
  t.is(time, '1700000000000', "the agent's, which its local database has as ovn-nb-cfg-ts");
});

test.serial('a chassis row deleted by hand comes back and its ports are bound again', async (t) => {
  const made = await scene(t);
  const { central } = made;
  const agent = await made.agent('hv1', { plugged: ['p1'] });
  await central.nbctl('--wait=hv', 'ls-add', 'sw0', '--', 'lsp-add', 'sw0', 'p1');
  const before = agent.deltas.length;
  await central.sbctl('chassis-del', 'hv1');
  await central.sbctl('wait-until', 'Chassis', 'hv1', 'name=hv1');
  await central.nbctl('--wait=hv', 'sync');
  t.is(await made.boundTo('p1'), 'hv1');
  t.is(await central.nbctl('lsp-get-up', 'p1'), 'up');
  t.true(agent.port('p1')?.local);
  t.is(agent.deltas.length, before, 'the agent heard nothing of it, so no packet was lost');
});

test.serial('two chassis with one tunnel address: the second is told whose it is', async (t) => {
  const made = await scene(t);
  await made.agent('hv1', { encaps: [geneve] });
  const second = made.connect('hv2', { encaps: [geneve] });
  const error = await second.untilEnded();
  t.is(error?.code, status.FAILED_PRECONDITION);
  t.regex(error?.details ?? '', /geneve 192\.0\.2\.1 of chassis hv2 belongs to chassis hv1/);
  t.is((await made.problems()).length, 1);
  await made.central.sbctl('chassis-del', 'hv1');
  await made.agent('hv2', { encaps: [{ ...geneve, ip: '192.0.2.2' }] });
  t.deepEqual(await made.problems(), []);
});

test.serial('goodbye with remove_chassis takes the rows away, without it they stay', async (t) => {
  const made = await scene(t);
  const { central } = made;
  await central.nbctl('ls-add', 'sw0', '--', 'lsp-add', 'sw0', 'p1');
  let agent = await made.agent('hv1', { plugged: ['p1'] });
  await central.sbctl('wait-until', 'Port_Binding', 'p1', 'up=true');
  agent.send({ $case: 'goodbye', value: { removeChassis: false } });
  t.is(await agent.untilEnded(), undefined);
  t.is(await made.boundTo('p1'), 'hv1');
  agent = await made.agent('hv1', { plugged: ['p1'] });
  agent.send({ $case: 'goodbye', value: { removeChassis: true } });
  await agent.untilEnded();
  await central.nbctl('wait-until', 'Logical_Switch_Port', 'p1', 'up=false');
  t.is(await central.sbctl('--bare', '--columns=name', 'list', 'Chassis'), '');
  t.is(await central.sbctl('--bare', '--columns=name', 'list', 'Chassis_Private'), '');
});

test.serial('a changed configuration changes the rows', async (t) => {
  const made = await scene(t);
  const agent = await made.agent('hv1', { encaps: [geneve] });
  const config = { name: 'hv1', hostname: 'other', otherConfig: {}, transportZones: ['tz1'] };
  const encaps = [{ type: 'vxlan', ip: '192.0.2.9', csum: false }];
  agent.send({ $case: 'chassisConfig', value: { ...config, encaps } });
  await made.central.sbctl('wait-until', 'Chassis', 'hv1', 'hostname=other');
  t.is(await made.central.sbctl('--bare', '--columns=ip', 'list', 'Encap'), '192.0.2.9');
  t.is(await made.central.sbctl('get', 'Chassis', 'hv1', 'transport_zones'), '[tz1]');
  agent.send({ $case: 'chassisConfig', value: { ...config, encaps: [] } });
  t.regex((await agent.untilEnded())?.details ?? '', /no encapsulation/);
});
