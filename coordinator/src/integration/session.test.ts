import { once } from 'node:events';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import test from 'ava';
import { scene, switchWith } from '../testing/scene.js';
import { nameOf } from '../testing/scripted-agent.js';

test.serial('an agent holds what its own switches need, and nothing of other tenants', async (t) => {
  const made = await scene(t);
  const { central } = made;
  const hv1 = await made.agent('hv1', { plugged: ['a1', 'b1'] });
  const hv2 = await made.agent('hv2', { plugged: ['a2'] });
  const hv3 = await made.agent('hv3');
  await central.nbctl(
    '--wait=hv',
    ...switchWith('a', 'a1', 'a2', 'a3'),
    '--',
    ...switchWith('b', 'b1'),
    ...['--', 'lsp-set-addresses', 'a1', '0a:00:00:00:00:01 10.0.0.1'],
    ...['--', 'lsp-set-port-security', 'a1', '0a:00:00:00:00:01 10.0.0.1/24'],
  );
  t.deepEqual(hv1.switches.map((one) => one.name).sort(), ['a', 'b']);
  t.deepEqual(hv1.ports.map((one) => one.name).sort(), ['a1', 'a2', 'a3', 'b1']);
  t.deepEqual(
    hv1.chassis.map((one) => one.name),
    ['hv2'],
  );
  t.deepEqual(hv2.ports.map((one) => one.name).sort(), ['a1', 'a2', 'a3']);
  t.is(hv3.held.size, 0);
  t.like(hv1.port('a1'), { local: true, chassis: 'hv1', portSecurityEnabled: true, failClosed: '' });
  t.is(hv1.port('a1')?.portSecurity[0]?.ips[0]?.prefixLength, 24);
  t.like(hv2.port('a1'), { local: false, chassis: 'hv1', portSecurity: [] });
  t.like(hv2.port('a3'), { local: false, chassis: '' });
  t.true(hv1.switches[0]?.groups.some((group) => group.name === '_MC_flood' && group.portIds.length === 0));
  hv1.unplug('a1');
  await central.nbctl('wait-until', 'Logical_Switch_Port', 'a1', 'up=false');
  await central.nbctl('--wait=hv', 'sync');
  t.deepEqual(
    hv1.ports.map((one) => one.name),
    ['b1'],
  );
  t.deepEqual(hv1.chassis, []);
  t.deepEqual(hv2.chassis, []);
});

test.serial('a change sends what it touches and nothing else', async (t) => {
  const made = await scene(t);
  const { central } = made;
  const agent = await made.agent('hv1', { plugged: ['p1'] });
  await central.nbctl('--wait=hv', ...switchWith('sw0', 'p1', 'p2', 'p3'));
  agent.deltas.length = 0;
  await central.nbctl('--wait=hv', 'lsp-set-addresses', 'p2', '0a:00:00:00:00:02');
  await central.nbctl('--wait=hv', 'lsp-add', 'sw0', 'p4');
  await central.nbctl('--wait=hv', 'lsp-del', 'p3');
  await central.nbctl('--wait=hv', ...switchWith('other', 'x1'));
  const names = agent.deltas.map((delta) => [
    ...delta.upserts.map(nameOf),
    ...delta.removals.map(() => 'removal'),
  ]);
  t.deepEqual(names, [['p2'], ['p4'], ['removal']]);
});

test.serial('an agent that comes back gets only the difference to what it holds', async (t) => {
  const made = await scene(t);
  const { central } = made;
  const first = await made.agent('hv1', { plugged: ['p1'] });
  await central.nbctl('--wait=hv', ...switchWith('sw0', 'p1', 'p2', 'p3'));
  const { held } = first;
  first.close();
  const same = await made.agent('hv1', { plugged: ['p1'], held });
  t.deepEqual(same.deltas, []);
  t.true(same.commits[0]?.full);
  same.close();
  await central.nbctl('--wait=sb', 'lsp-del', 'p2', '--', 'lsp-set-enabled', 'p3', 'disabled');
  const later = await made.agent('hv1', { plugged: ['p1'], held });
  t.is(later.deltas.length, 1);
  t.is(later.deltas[0]?.removals.length, 1);
  t.deepEqual(later.deltas[0]?.upserts.map(nameOf), ['p3']);
  t.is(await central.nbctl('lsp-get-up', 'p1'), 'up');
});

test.serial('while an agent is away its ports stay up, and --wait=hv waits for it', async (t) => {
  const made = await scene(t);
  const { central } = made;
  const agent = await made.agent('hv1', { plugged: ['p1'] });
  await central.nbctl('--wait=hv', ...switchWith('sw0', 'p1'));
  agent.close();
  const error = await t.throwsAsync(central.nbctl('--timeout=1', '--wait=hv', 'lsp-add', 'sw0', 'p2'));
  t.truthy(error);
  t.is(await central.nbctl('lsp-get-up', 'p1'), 'up');
  t.is(await made.boundTo('p1'), 'hv1');
  await made.agent('hv1', { plugged: ['p1'], held: agent.held });
  await central.nbctl('--wait=hv', 'sync');
  t.is(await central.nbctl('lsp-get-up', 'p1'), 'up');
});

test.serial('a port that was unplugged while its agent was away is released', async (t) => {
  const made = await scene(t);
  const { central } = made;
  const agent = await made.agent('hv1', { plugged: ['p1', 'p2'] });
  await central.nbctl('--wait=hv', ...switchWith('sw0', 'p1', 'p2'));
  agent.close();
  await made.agent('hv1', { plugged: ['p2'] });
  await central.nbctl('wait-until', 'Logical_Switch_Port', 'p1', 'up=false');
  t.is(await made.boundTo('p1'), '');
  t.is(await central.nbctl('lsp-get-up', 'p2'), 'up');
});

test.serial('a second agent with the same name is refused while the first lives', async (t) => {
  const made = await scene(t);
  const first = await made.agent('hv1');
  const second = made.connect('hv1');
  const error = await second.untilEnded();
  t.is(error?.code, status.ALREADY_EXISTS);
  t.regex(
    error?.details ?? '',
    /chassis hv1 is connected from .* give one of the two another external_ids:system-id/,
  );
  t.regex((await made.problems()).join(), /a second agent with system-id hv1 tried to connect/);
  t.is(first.ended, undefined);
  first.close();
  await made.agent('hv1');
  t.deepEqual(await made.problems(), []);
});

test.serial('the agent’s own second session replaces its first', async (t) => {
  const made = await scene(t);
  const first = await made.agent('hv1');
  const second = await made.agent('hv1', { instance: first.instance });
  t.is((await first.untilEnded())?.code, status.ABORTED);
  t.is(second.ended, undefined);
});

test.serial(
  'a Hello that the network kept back until a later one was accepted changes nothing',
  async (t) => {
    const made = await scene(t);
    await made.central.nbctl(...switchWith('sw0', 'p1'));
    const second = await made.agent('hv1', { plugged: ['p1'], attempt: 2n });
    await made.central.nbctl('wait-until', 'Logical_Switch_Port', 'p1', 'up=true');
    // Before p1 was plugged.
    const first = made.connect('hv1', { instance: second.instance, attempt: 1n });
    const refused = await first.untilEnded();
    t.is(refused?.code, status.ABORTED);
    t.regex(refused?.details ?? '', /a later session/);
    await made.central.nbctl('--wait=hv', 'sync');
    t.is(second.ended, undefined);
    t.is(await made.central.nbctl('lsp-get-up', 'p1'), 'up');
    const third = await made.agent('hv1', { plugged: ['p1'], instance: second.instance, attempt: 3n });
    t.is((await second.untilEnded())?.code, status.ABORTED);
    t.is(third.ended, undefined);
  },
);

test.serial('bad Hellos are refused with the key to change', async (t) => {
  const made = await scene(t);
  for (const [options, pattern] of [
    [{ name: '' }, /external_ids:system-id of the Open_vSwitch row is empty/],
    [{ name: 'a b' }, /system-id "a b" contains a space/],
    [{ encaps: [] }, /set external_ids:ovn-encap-type/],
    [{ encaps: [{ type: 'stt', ip: '192.0.2.1', csum: true }] }, /ovn-encap-type "stt"/],
    [{ encaps: [{ type: 'vxlan', ip: 'x', csum: true }] }, /ovn-encap-ip "x" is no IP address/],
  ] as const) {
    const error = await made.connect('hv1', { ...options } as never).untilEnded();
    t.is(error?.code, status.INVALID_ARGUMENT);
    t.regex(error?.details ?? '', pattern);
  }
});

test.serial('a resource that an agent refuses is a problem until it is applied', async (t) => {
  const made = await scene(t);
  const { central } = made;
  const agent = await made.agent('hv1', { plugged: ['p1'] });
  await central.nbctl('--wait=hv', ...switchWith('sw0', 'p1'));
  const id = await made.binding('p1', '_uuid');
  agent.send({
    $case: 'refusal',
    value: { resource: { type: 2, id }, version: 0n, message: 'no room for its addresses' },
  });
  // The stream is in order: this is read after the refusal.
  agent.unplug('p1');
  await central.nbctl('wait-until', 'Logical_Switch_Port', 'p1', 'up=false');
  agent.plug('p1');
  await central.nbctl('wait-until', 'Logical_Switch_Port', 'p1', 'up=true');
  t.deepEqual(await made.problems(), [], 'healed: it was sent again and applied');
  agent.send({
    $case: 'refusal',
    value: { resource: { type: 2, id }, version: 0n, message: 'no room for its addresses' },
  });
  agent.plug('nowhere');
  await agent.until(() => true);
  await central.nbctl('--wait=hv', 'sync');
  t.true(
    (await made.problems()).includes(`the agent cannot apply logical port ${id}: no room for its addresses`),
  );
  const healed = (version: bigint) => {
    agent.send({ $case: 'refusal', value: { resource: { type: 2, id }, version, message: '' } });
    return central.nbctl('--wait=hv', 'sync');
  };
  await healed(1n);
  t.true(
    (await made.problems()).some((text) => text.includes(id)),
    'that was another version of it',
  );
  await healed(0n);
  t.false(
    (await made.problems()).some((text) => text.includes(id)),
    'there was room for it later',
  );
});

test.serial('groups of IP multicast addresses come with their members, the others without', async (t) => {
  const made = await scene(t);
  const { central } = made;
  const agent = await made.agent('hv1', { plugged: ['p1'] });
  await central.nbctl('--wait=hv', ...switchWith('sw0', 'p1', 'p2'));
  const datapath = await made.binding('p1', 'datapath');
  const member = await made.binding('p2', '_uuid');
  await central.stopServer('northd');
  const columns = [`datapath=${datapath}`, 'name=239.0.0.1', 'tunnel_key=32773', `ports=${member}`];
  const uuid = await central.sbctl('create', 'Multicast_Group', ...columns);
  const group = () => agent.switches[0]?.groups.find(({ name }) => name === '239.0.0.1');
  await agent.until(() => group() !== undefined);
  t.deepEqual(group()?.portIds, [member]);
  t.deepEqual(agent.switches[0]?.groups.find(({ name }) => name === '_MC_flood')?.portIds, []);
  await central.sbctl('destroy', 'Multicast_Group', uuid);
  await agent.until(() => group() === undefined);
});

const emptyAck = {
  nbCfg: 0n,
  nbCfgTimestamp: 0n,
  refusals: [],
  forwarding: [],
  forwardingComplete: false,
  notForwarding: [],
};

test.serial('garbage instead of a message ends that session and nothing else', async (t) => {
  const made = await scene(t);
  const agent = await made.agent('hv1');
  const client = new Client(made.coordinator.address, credentials.createInsecure());
  t.teardown(() => client.close());
  const raw = (bytes: Buffer) => bytes;
  const stream = client.makeBidiStreamRequest('/iovisor.v1.Coordinator/Session', raw, raw);
  const ended = once(stream, 'error') as Promise<[ServiceError]>;
  stream.write(Buffer.from('ffffffffffff', 'hex'));
  t.is((await ended)[0].code, status.INTERNAL);
  const before = agent.commits.length;
  agent.send({ $case: 'ack', value: { ...emptyAck, revision: 99n } });
  t.regex((await agent.untilEnded())?.details ?? '', /Ack of revision 99, which was never sent/);
  t.is(agent.commits.length, before);
  await made.agent('hv1');
});
