import test from 'ava';
import { Hypervisor } from './testsupport/hypervisor.js';
import { portIntent, switchIntent } from './testsupport/intents.js';
import { Machine, Namespace } from './testsupport/namespace.js';
import { ScriptedCoordinator } from './testsupport/scriptedCoordinator.js';

test('a port of type internal forwards, here and in another network namespace', async (t) => {
  const hv = new Hypervisor('hv1');
  t.teardown(() => hv.remove());
  const socket = `${hv.socket}.coordinator`;
  const coordinator = await new ScriptedCoordinator().listen(`unix:${socket}`);
  t.teardown(() => coordinator.stop());
  await hv.startDatabase();
  hv.configure({
    'system-id': 'hv1',
    'ovn-encap-type': 'vxlan',
    'ovn-encap-ip': '192.0.2.1',
    'iovisor-coordinator': `unix:${socket}`,
  });
  hv.startAgent();
  const machine = new Machine({ mac: '0a:00:00:00:00:01', address: '10.0.0.1/24', home: hv.namespace });
  t.teardown(() => machine.remove());
  const session = await coordinator.session();
  await session.next('hello');
  session.welcome();
  const plug = (name: string, port: string, ...more: string[]) =>
    hv.vsctl(
      'add-port',
      'br-int',
      name,
      '--',
      'set',
      'Interface',
      name,
      `external_ids:iface-id=${port}`,
      ...more,
    );
  plug(machine.tap, 'lp1');
  plug('in2', 'lp2', 'type=internal', 'mac="0a:00:00:00:00:02"');
  const port = (number: number) =>
    portIntent(`lp${number}`, 's1', number, {
      chassis: 'hv1',
      local: true,
      addresses: [`0a:00:00:00:00:0${number} 10.0.0.${number}`],
      portSecurity: [`0a:00:00:00:00:0${number} 10.0.0.${number}`],
    });
  const ack = await session.apply([switchIntent('s1', 7), port(1), port(2)], [], { full: true, nbCfg: 1n });
  t.deepEqual(ack.refusals, []);
  const forwarding = new Set(ack.forwarding);
  while (forwarding.size < 2) for (const id of (await session.next('ack')).forwarding) forwarding.add(id);
  hv.vsctl('wait-until', 'Interface', 'in2', 'external_ids:ovn-installed=true');

  hv.namespace.ip('link', 'set', 'in2', 'up');
  hv.namespace.ip('address', 'add', '10.0.0.2/24', 'dev', 'in2');
  t.true(machine.pings('10.0.0.2'), 'in the namespace of the hypervisor');
  const other = new Namespace('in');
  t.teardown(() => other.remove());
  hv.namespace.ip('link', 'set', 'in2', 'netns', other.name);
  other.ip('link', 'set', 'in2', 'up');
  other.ip('address', 'add', '10.0.0.2/24', 'dev', 'in2');
  t.true(machine.pings('10.0.0.2'), 'in another');
  // Made anew when it goes, and forwarding again.
  other.ip('link', 'del', 'in2');
  hv.vsctl('wait-until', 'Interface', 'in2', 'admin_state=down', 'external_ids:ovn-installed=true');
  hv.namespace.ip('link', 'set', 'in2', 'up');
  hv.namespace.ip('address', 'add', '10.0.0.2/24', 'dev', 'in2');
  hv.vsctl('wait-until', 'Interface', 'in2', 'link_state=up');
  t.true(machine.pings('10.0.0.2'), 'made anew');
  await hv.stopAgent();
  t.true(machine.pings('10.0.0.2'), 'without an agent');
});
