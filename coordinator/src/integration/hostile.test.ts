import { createHash } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { type AgentMessage, ResourceType } from '@iovisor-ovn/proto';
import test from 'ava';
import { type Scene, scene, switchWith } from '../testing/scene.js';
import type { ScriptedAgent, ScriptedAgentOptions } from '../testing/scripted-agent.js';

// A hypervisor whose agent is not ours any more, with a valid certificate: what it can do to others.

const unknownUuid = (n: number) => {
  const hash = createHash('md5').update(String(n)).digest('hex');
  return hash.replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
};

/** The victim's network, with its port bound, and the evil one's own. */
async function neighbours(made: Scene): Promise<{ victim: ScriptedAgent; evil: ScriptedAgent }> {
  const victim = await made.agent('hv1', { plugged: ['v1'] });
  const evil = await made.agent('evil', { plugged: ['e1'] });
  await made.central.nbctl(
    '--wait=hv',
    ...switchWith('theirs', 'v1', 'v2', 'vip'),
    '--',
    ...switchWith('own', 'e1'),
    ...['--', 'lsp-set-addresses', 'v1', '0a:00:00:00:00:01 10.0.0.1', 'unknown'],
    ...['--', 'lsp-set-addresses', 'e1', 'unknown', '--', 'lsp-set-options', 'v2', 'requested-chassis=hv1'],
    ...['--', 'lsp-set-type', 'vip', 'virtual'],
    ...[
      '--',
      'set',
      'Logical_Switch_Port',
      'vip',
      'options:virtual-ip=10.0.0.9',
      'options:virtual-parents=v1,e1',
    ],
    ...['--', 'set', 'Logical_Switch', 'theirs', 'other_config:mcast_snoop=true'],
    ...['--', 'set', 'Logical_Switch', 'own', 'other_config:mcast_snoop=true'],
  );
  return { victim, evil };
}

/** Resolves when the coordinator has taken all that the agent said before. */
async function heard(made: Scene, agent: ScriptedAgent, port = 'e1'): Promise<void> {
  for (const value of ['x', 'y'])
    await made.central.nbctl('--wait=hv', 'set', 'Logical_Switch_Port', port, `external_ids:heard=${value}`);
  if (agent.ended) throw new Error(`its session ended: ${agent.ended.error?.message}`);
}

test('it gets no port that is bound elsewhere, asked for elsewhere, or not its kind; and sees no other network', async (t) => {
  const made = await scene(t);
  const { victim, evil } = await neighbours(made);
  for (const name of ['v1', 'v2', 'vip']) evil.plug(name);
  await heard(made, evil);
  t.is(await made.boundTo('v1'), 'hv1');
  t.is(await made.boundTo('v2'), '');
  t.is(await made.boundTo('vip'), '');
  t.deepEqual(
    evil.switches.map(({ name }) => name),
    ['own'],
  );
  t.deepEqual(
    evil.ports.map(({ name }) => name),
    ['e1'],
  );
  t.deepEqual(evil.chassis, []);
  // As a host of that name: what northd and we look for comes after what is somebody's name or hostname already.
  const fake = await made.agent('fake', { plugged: ['v2'], hostname: 'hv1' });
  await heard(made, evil);
  t.is(await made.boundTo('v2'), '');
  t.deepEqual(fake.held.size, 0);
  const twin = await made.agent('twin', { plugged: ['v2'], hostname: 'hv1.example' });
  await made.central.nbctl('--wait=hv', 'lsp-set-options', 'v2', 'requested-chassis=hv1.example');
  await heard(made, evil);
  t.is(await made.boundTo('v2'), '');
  t.deepEqual(twin.held.size, 0);
  t.is((await made.problems()).filter((text) => /hostname hv1(\.example)? .* hv1/.test(text)).length, 2);
  victim.plug('v2');
  await made.central.nbctl('wait-until', 'Logical_Switch_Port', 'v2', 'up=true');
  t.is(await made.boundTo('v2'), 'hv1');
  // Stating what others have brings no more than the word that it is not its own.
  const held = new Map(victim.held);
  evil.close();
  const again = await made.agent('evil', { plugged: ['e1', 'v1'], held, instance: 'evil again' });
  await again.until(() => again.ports.every(({ name }) => name === 'e1') && again.ports.length === 1);
  t.deepEqual(
    again.switches.map(({ name }) => name),
    ['own'],
  );
  t.is(await made.boundTo('v1'), 'hv1');
});

test('while the agent of a port restarts, nobody else gets it', async (t) => {
  const made = await scene(t);
  const { victim, evil } = await neighbours(made);
  evil.plug('v1');
  await heard(made, evil);
  victim.close();
  // A change that comes to it after what became of that.
  await made.central.nbctl('lsp-set-addresses', 'e1', '0a:00:00:00:00:77');
  await evil.until(() => evil.port('e1')?.addresses[0]?.mac[5] === 0x77);
  t.is(await made.boundTo('v1'), 'hv1');
  t.deepEqual(
    evil.ports.map(({ name }) => name),
    ['e1'],
  );
  const back = await made.agent('hv1', { plugged: ['v1'] });
  await made.central.nbctl('--wait=hv', 'sync');
  t.true(back.port('v1')?.local);
  t.is(await made.boundTo('v1'), 'hv1');
  // One that does not come back loses it: its machine runs elsewhere now.
  back.close();
  const chassis = await made.central.sbctl('get', 'Chassis', 'evil', '_uuid');
  await made.central.sbctl('wait-until', 'Port_Binding', 'v1', `chassis=${chassis}`);
});

test('it writes nothing about ports that it does not have', async (t) => {
  const made = await scene(t);
  const { evil } = await neighbours(made);
  const [v1, e1, vip] = await Promise.all(['v1', 'e1', 'vip'].map((name) => made.binding(name, '_uuid')));
  const mac = Buffer.from('0a0000000042', 'hex');
  const group = Buffer.from([239, 1, 2, 3]);
  evil.observe({
    macs: [{ portId: v1!, mac }],
    memberships: [
      { portId: v1!, group, left: false },
      { portId: v1!, group: Buffer.alloc(0), left: false },
    ],
    virtualClaims: [
      { portId: vip!, parentId: v1! },
      // In a network of its own: it is no parent there, whatever the option says.
      { portId: vip!, parentId: e1! },
    ],
    activated: [v1!, vip!],
  });
  evil.observe({ macs: [{ portId: e1!, mac }], memberships: [{ portId: e1!, group, left: false }] });
  await made.central.sbctl('wait-until', 'FDB', await waitFor(made, 'FDB'), 'mac!=""');
  await waitFor(made, 'IGMP_Group');
  const key = await made.central.sbctl(
    '--bare',
    '--columns=tunnel_key',
    'find',
    'Datapath_Binding',
    'external_ids:name=own',
  );
  t.is(await made.central.sbctl('--bare', '--columns=dp_key', 'list', 'FDB'), key);
  const datapath = await made.central.sbctl(
    '--bare',
    '--columns=_uuid',
    'find',
    'Datapath_Binding',
    'external_ids:name=own',
  );
  t.is(await made.central.sbctl('--bare', '--columns=datapath', 'list', 'IGMP_Group'), datapath);
  t.is(await made.binding('vip', 'virtual_parent'), '');
  // Nor that a port of another forwards, or does not.
  const ack = { revision: 1n, nbCfg: 0n, nbCfgTimestamp: 0n, refusals: [], forwardingComplete: false };
  evil.send({ $case: 'ack', value: { ...ack, forwarding: [], notForwarding: [v1!] } });
  await heard(made, evil);
  t.is(await made.central.nbctl('lsp-get-up', 'v1'), 'up');
});

async function waitFor(made: Scene, table: string): Promise<string> {
  for (;;) {
    const found = await made.central.sbctl('--bare', '--columns=_uuid', 'list', table);
    if (found !== '') return found;
  }
}

test('a configuration that Southbound cannot take ends its own session and disturbs nobody', async (t) => {
  const made = await scene(t);
  const { victim } = await neighbours(made);
  const refused = async (what: Partial<ScriptedAgentOptions>) => {
    const error = await made.connect('odd', what).untilEnded();
    t.is(error?.code, status.INVALID_ARGUMENT, JSON.stringify(what).slice(0, 80));
  };
  await refused({ hostname: 'a\u0000b' });
  await refused({ hostname: 'x'.repeat(100_000) });
  await refused({ otherConfig: { 'ovn-bridge-mappings': 'a\u0000' } });
  await refused({ otherConfig: { 'a\u0000': 'b' } });
  await refused({ otherConfig: { a: 'x'.repeat(100_000) } });
  await refused({
    otherConfig: Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`k${n}`, 'v'])),
  });
  await refused({ transportZones: ['a\u0000'] });
  await refused({ transportZones: Array.from({ length: 10_000 }, (_, n) => `z${n}`) });
  await refused({ encaps: [{ type: 'vxlan', ip: 'fe80::1%\u0000', csum: true }] });
  await refused({
    encaps: Array.from({ length: 200 }, (_, n) => ({ type: 'vxlan', ip: `10.9.0.${n}`, csum: true })),
  });
  await refused({ name: 'n'.repeat(10_000) });
  // A clock beyond all numbers.
  const odd = await made.agent('odd');
  odd.nbCfgTimestamp = 2n ** 63n - 1n;
  await made.central.nbctl('--wait=hv', '--timeout=10', 'sync');
  await made.central.nbctl('--wait=hv', '--timeout=10', 'sync');
  t.is(victim.ended, undefined);
  t.false(/refused a write/.test(made.coordinator.log));
});

test('a flood is held back by flow control, and what is remembered of it has an end', async (t) => {
  const made = await scene(t);
  const { victim, evil } = await neighbours(made);
  const memory = async () =>
    new Promise<number>((resolve, reject) =>
      made.coordinator.admin.getStatus({}, (error, reply) =>
        error ? reject(error) : resolve(Number(reply.memoryBytes)),
      ),
    );
  await heard(made, evil);
  const before = await memory();
  const send = (message: AgentMessage['message']) => evil.send(message);
  const local = (ifaceId: string) => ({
    ifaceId,
    tap: 'tap',
    ifindex: 1,
    ifaceIdVer: '',
    encapIp: '',
    macInUse: '',
  });
  const many = (n: number) => Array.from({ length: 5000 }, (_, i) => n * 5000 + i);
  for (let n = 0; n < 8; n++)
    send({
      $case: 'interfaces',
      value: { complete: false, upserts: many(n).map((i) => local(`x${i}`)), removals: [] },
    });
  const ack = { revision: 1n, nbCfg: 0n, nbCfgTimestamp: 0n, forwardingComplete: false, notForwarding: [] };
  for (let n = 0; n < 8; n++) {
    const ids = many(n).map(unknownUuid);
    const refusals = ids.map((id) => ({
      resource: { type: ResourceType.LOGICAL_PORT, id },
      version: 1n,
      message: 'no',
    }));
    send({ $case: 'ack', value: { ...ack, forwarding: ids, refusals } });
  }
  for (let n = 0; n < 2000; n++) evil.observe({ macs: [] });
  // The others go on meanwhile.
  for (let n = 0; n < 10; n++)
    await made.central.nbctl('--wait=sb', 'lsp-set-addresses', 'v1', `0a:00:00:00:01:0${n} 10.0.0.1`);
  await victim.until(() => victim.port('v1')?.addresses[0]?.mac[5] === 9);
  const problems = async () => (await made.problems()).filter((text) => text.includes('evil has more than'));
  while ((await problems()).length === 0) await made.central.nbctl('--wait=sb', 'sync');
  t.regex(
    (await problems())[0]!,
    /evil has more than 10000 interfaces with an iface-id.*: \d+ are not looked at/,
  );
  t.true((await memory()) - before < 100 << 20, `${((await memory()) - before) >> 20} MiB more`);
  t.true((await made.problems()).length < 11_000);
  // A message too large, and sessions without end.
  const large = await made.agent('large');
  large.send({
    $case: 'interfaces',
    value: { complete: true, upserts: [local('x'.repeat(2 << 20))], removals: [] },
  });
  t.not((await large.untilEnded())?.code, undefined);
  let code: status | undefined;
  for (let n = 0; n < 100 && code !== status.RESOURCE_EXHAUSTED; n++) {
    const agent = made.connect('restless');
    await new Promise<void>((resolve) => {
      agent.once('commit', () => resolve());
      agent.once('end', (error) => {
        code = error?.code;
        resolve();
      });
    });
    agent.close();
  }
  t.is(code, status.RESOURCE_EXHAUSTED);
  t.is(victim.ended, undefined);
});
