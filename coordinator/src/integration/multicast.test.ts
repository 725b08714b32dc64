import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import { ipBytes } from '../logic/addresses.js';
import { type Scene, scene, switchWith } from '../testing/scene.js';
import type { ScriptedAgent } from '../testing/scripted-agent.js';

const group = (address: string) => ipBytes(address)!;

/** IGMP_Group as "chassis address port,port", sorted; rows of no port are left out. */
async function rows(made: Scene): Promise<string[]> {
  const columns = '--columns=chassis,address,ports';
  const list = await made.central.sbctl('--format=json', columns, 'find', 'IGMP_Group', 'ports!=[]');
  type Uuid = ['uuid', string];
  const { data } = JSON.parse(list) as { data: [Uuid, string, Uuid | ['set', Uuid[]]][] };
  const lines = data.map(async ([[, chassis], address, ports]) => {
    const uuids = ports[0] === 'set' ? ports[1].map(([, uuid]) => uuid) : [ports[1]];
    const names = await Promise.all(uuids.map((uuid) => made.sb('Port_Binding', uuid, 'logical_port')));
    return `${await made.sb('Chassis', chassis, 'name')} ${address} ${names.sort().join()}`;
  });
  return (await Promise.all(lines)).sort();
}

/** @param again what is said again until it is so, as machines do */
async function until(made: Scene, wanted: string[], again?: () => void): Promise<void> {
  for (;;) {
    const found = await rows(made);
    if (found.join() === wanted.join()) return;
    again?.();
    await wait(20);
  }
}

/** Ports of the group in the switch of that name, as the agent was told; undefined: no such group. */
function ports(agent: ScriptedAgent, name: string): string[] | undefined {
  const found = agent.switches.flatMap(({ groups }) => groups).find((one) => one.name === name);
  const names = found?.portIds
    .map((id) => [...agent.held.values()].find((one) => one.id === id))
    .map((one) => (one?.body?.$case === 'logicalPort' ? one.body.value.name : '?'));
  return names?.sort();
}

const address = (agent: ScriptedAgent, name: string) =>
  [...(agent.switches.flatMap(({ groups }) => groups).find((one) => one.name === name)?.address ?? [])].join(
    '.',
  );

async function snooping(made: Scene, ...config: string[]) {
  const hv1 = await made.agent('hv1', { plugged: ['a', 'b'] });
  const hv2 = await made.agent('hv2', { plugged: ['c'] });
  await made.central.nbctl(
    ...switchWith('sw0', 'a', 'b', 'c'),
    ...[
      '--',
      'set',
      'Logical_Switch',
      'sw0',
      'other_config:mcast_snoop=true',
      'other_config:mcast_querier=false',
      ...config,
    ],
  );
  await made.central.nbctl('--wait=hv', 'sync');
  const ids = await Promise.all(['a', 'b', 'c'].map((port) => made.binding(port, '_uuid')));
  const [a = '', b = '', c = ''] = ids;
  const joins = (agent: ScriptedAgent, portId: string, ip: string, left = false) =>
    agent.observe({ memberships: [{ portId, group: ip === '' ? Buffer.alloc(0) : group(ip), left }] });
  return { hv1, hv2, a, b, c, joins };
}

test.serial(
  'who joins is written for its chassis, northd makes the group, all agents get it; who leaves goes',
  async (t) => {
    const made = await scene(t);
    const { central } = made;
    const { hv1, hv2, a, b, c, joins } = await snooping(made);
    t.true(hv1.switches[0]?.mcastSnoop);
    t.false(hv1.switches[0]?.mcastFloodUnregistered);
    // What it has no right to, what is none.
    joins(hv1, c, '239.1.2.3');
    joins(hv1, 'x', '239.1.2.3');
    joins(hv1, a, '10.0.0.1');
    hv1.observe({ memberships: [{ portId: a, group: Buffer.alloc(3, 239), left: false }] });
    joins(hv1, a, '239.1.2.3');
    await until(made, ['hv1 239.1.2.3 a']);
    await hv2.until(() => ports(hv2, '239.1.2.3')?.join() === 'a');
    t.is(address(hv2, '239.1.2.3'), '239.1.2.3');
    joins(hv1, b, '239.1.2.3');
    joins(hv2, c, '239.1.2.3');
    joins(hv2, c, 'ff0e::1');
    await until(made, ['hv1 239.1.2.3 a,b', 'hv2 239.1.2.3 c', 'hv2 ff0e::1 c']);
    await hv1.until(
      () => ports(hv1, '239.1.2.3')?.join() === 'a,b,c' && ports(hv1, 'ff0e::1')?.join() === 'c',
    );
    t.is(address(hv1, 'ff0e::1').split('.').length, 16);
    joins(hv1, a, '239.1.2.3', true);
    joins(hv2, c, '239.1.2.3', true);
    await until(made, ['hv1 239.1.2.3 b', 'hv2 ff0e::1 c']);
    await hv2.until(() => ports(hv2, '239.1.2.3')?.join() === 'b');
    // Flooded whoever joined: a row, and a group without an address.
    joins(hv1, b, '224.0.0.251');
    joins(hv1, b, 'ff02::2');
    await hv2.until(() => ports(hv2, '224.0.0.251')?.join() === 'b' && ports(hv2, 'ff02::2')?.join() === 'b');
    t.is(address(hv2, '224.0.0.251') + address(hv2, 'ff02::2'), '');
    // A router: a member of another group.
    joins(hv2, c, '');
    await hv1.until(() => ports(hv1, '_MC_mrouter_flood')?.join() === 'c');
    // Flush, as `ovn-sbctl ip-multicast-flush` does it.
    await central.sbctl('ip-multicast-flush', 'sw0');
    await until(made, []);
    joins(hv1, b, '239.1.2.3');
    await until(made, ['hv1 239.1.2.3 b']);
    await central.sbctl('--all', 'destroy', 'IGMP_Group');
    await until(made, ['hv1 239.1.2.3 b'], () => joins(hv1, b, '239.1.2.3'));
    hv1.unplug('b');
    await central.nbctl('--wait=hv', 'lsp-del', 'b');
    await until(made, []);
    joins(hv1, a, '239.1.2.3');
    await until(made, ['hv1 239.1.2.3 a']);
    await central.nbctl('--wait=hv', 'set', 'Logical_Switch', 'sw0', 'other_config:mcast_snoop=false');
    await until(made, []);
    t.false(hv1.switches[0]?.mcastSnoop);
    joins(hv1, a, '239.1.2.3');
    await central.nbctl('--wait=hv', 'sync');
    t.deepEqual(await rows(made), []);
    t.deepEqual(await made.problems(), []);
  },
);

test.serial(
  'a new leader and an agent that comes again go on with the rows; those of others stay',
  async (t) => {
    const made = await scene(t);
    const { central } = made;
    const { hv1, a, joins } = await snooping(made);
    joins(hv1, a, '239.1.2.3');
    await until(made, ['hv1 239.1.2.3 a']);
    const foreign = await central.sbctl(
      '--bare',
      '--columns=_uuid',
      'find',
      'Datapath_Binding',
      'external_ids:name=sw0',
    );
    await central.sbctl(
      '--',
      '--id=@e',
      'create',
      'Encap',
      'type=geneve',
      'ip=192.0.2.99',
      'chassis_name=stock',
      '--',
      '--id=@c',
      'create',
      'Chassis',
      'name=stock',
      'encaps=@e',
      '--',
      'create',
      'IGMP_Group',
      'address=239.1.2.4',
      `datapath=${foreign}`,
      'chassis=@c',
      `ports=${a}`,
    );
    await made.coordinator.stop('SIGKILL');
    await made.startCoordinator();
    const again = await made.agent('hv1', { plugged: ['a', 'b'], held: hv1.held });
    joins(again, a, '239.1.2.5');
    await until(made, ['hv1 239.1.2.3 a', 'hv1 239.1.2.5 a', 'stock 239.1.2.4 a']);
    joins(again, a, '239.1.2.3', true);
    await until(made, ['hv1 239.1.2.5 a', 'stock 239.1.2.4 a']);
    again.close();
    await made.central.nbctl('--wait=sb', 'sync');
    t.deepEqual(await rows(made), ['hv1 239.1.2.5 a', 'stock 239.1.2.4 a']);
  },
);

test.serial(
  'mcast_table_size holds for what is learned, and for the addresses that agents get',
  async (t) => {
    const made = await scene(t);
    const { hv1, hv2, a, c, joins } = await snooping(made, 'other_config:mcast_table_size=2');
    for (const ip of ['239.0.0.1', '239.0.0.2', '239.0.0.3']) joins(hv1, a, ip);
    await until(made, ['hv1 239.0.0.2 a', 'hv1 239.0.0.3 a']);
    joins(hv2, c, '239.0.0.4');
    await hv1.until(() => ports(hv1, '239.0.0.4')?.join() === 'c');
    const with4 = hv1.switches[0]!.groups.filter(({ address: ip }) => ip.length === 4);
    t.is(with4.length, 2);
  },
);
