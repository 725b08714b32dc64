import { existsSync } from 'node:fs';
import test from 'ava';
import { Hypervisor } from './testsupport/hypervisor.js';
import { chassisIntent, portIntent, switchIntent } from './testsupport/intents.js';
import { Machine, sh } from './testsupport/namespace.js';
import { ScriptedCoordinator } from './testsupport/scriptedCoordinator.js';

/** Two hypervisors on one wire, an agent each, and a coordinator that the test speaks for. */
test.serial(
  'machines on two hypervisors reach each other, also while and after an agent is away',
  async (t) => {
    const coordinator = await new ScriptedCoordinator().listen();
    t.teardown(() => coordinator.stop());
    const hv1 = new Hypervisor('hv1');
    const hv2 = new Hypervisor('hv2');
    t.teardown(() => Promise.all([hv1.remove(), hv2.remove()]));
    sh(
      'ip',
      '-n',
      hv1.namespace.name,
      'link',
      'add',
      'eth0',
      'type',
      'veth',
      'peer',
      'eth0',
      'netns',
      hv2.namespace.name,
    );
    // The agents run in namespaces of their own, where this process' loopback is not to be seen.
    const socket = `${hv1.socket}.coordinator`;
    const local = await new ScriptedCoordinator().listen(`unix:${socket}`);
    t.teardown(() => local.stop());

    const machines: Machine[] = [];
    t.teardown(() => {
      for (const machine of machines) machine.remove();
    });
    for (const [index, hv] of [hv1, hv2].entries()) {
      hv.namespace.ip('address', 'add', `192.0.2.${index + 1}/24`, 'dev', 'eth0');
      hv.namespace.ip('link', 'set', 'eth0', 'up');
      await hv.startDatabase();
      hv.configure({
        'system-id': hv.name,
        'ovn-encap-type': 'vxlan',
        'ovn-encap-ip': `192.0.2.${index + 1}`,
        'iovisor-coordinator': `unix:${socket}`,
      });
      hv.startAgent();
    }
    const plug = (hv: Hypervisor, number: number) => {
      const machine = new Machine({
        mac: `0a:00:00:00:00:0${number}`,
        address: `10.0.0.${number}/24`,
        home: hv.namespace,
      });
      machines.push(machine);
      hv.vsctl(
        'add-port',
        'br-int',
        machine.tap,
        '--',
        'set',
        'Interface',
        machine.tap,
        `external_ids:iface-id=lp${number}`,
      );
      return machine;
    };
    const sessions = new Map<string, Awaited<ReturnType<ScriptedCoordinator['session']>>>();
    const greet = async () => {
      const session = await local.session();
      const hello = await session.next('hello');
      session.welcome();
      sessions.set(hello.chassis!.name, session);
      return { session, hello };
    };
    await greet();
    await greet();
    t.deepEqual([...sessions.keys()].sort(), ['hv1', 'hv2']);

    const one = plug(hv1, 1);
    plug(hv1, 2);
    plug(hv2, 3);
    const intents = (self: string) => [
      switchIntent('s1', 7),
      ...[
        [1, 'hv1'],
        [2, 'hv1'],
        [3, 'hv2'],
      ].map(([n, chassis]) =>
        portIntent(`lp${n}`, 's1', Number(n), {
          chassis: String(chassis),
          local: chassis === self,
          addresses: [`0a:00:00:00:00:0${n} 10.0.0.${n}`],
          portSecurity: [`0a:00:00:00:00:0${n} 10.0.0.${n}`],
        }),
      ),
      self === 'hv1'
        ? chassisIntent('hv2', ['vxlan', '192.0.2.2'])
        : chassisIntent('hv1', ['vxlan', '192.0.2.1']),
    ];
    for (const [self, session] of sessions) {
      const expected = self === 'hv1' ? ['lp1', 'lp2'] : ['lp3'];
      const ack = await session.apply(intents(self), [], { full: true, nbCfg: 4n });
      t.deepEqual(ack.refusals, []);
      const forwarding = new Set(ack.forwarding);
      while (forwarding.size < expected.length)
        for (const id of (await session.next('ack')).forwarding) forwarding.add(id);
      t.deepEqual([...forwarding].sort(), expected);
    }
    t.true(one.pings('10.0.0.2'), 'inside a hypervisor');
    t.true(one.pings('10.0.0.3'), 'across hypervisors');

    // The address is no longer what port security allows.
    one.setAddress('10.0.0.9/24');
    t.false(one.pings('10.0.0.2', 1));
    one.setAddress('10.0.0.1/24');
    t.true(one.pings('10.0.0.2'));

    t.is(await hv1.stopAgent('SIGTERM'), 0, hv1.output);
    t.true(one.pings('10.0.0.3'), 'without an agent');
    hv1.startAgent();
    const { session, hello } = await greet();
    t.deepEqual(hello.held, []);
    t.true(one.pings('10.0.0.3'), 'with a restarted agent that knows nothing yet');
    await session.apply(intents('hv1'), [], { full: true });
    t.true(one.pings('10.0.0.3'), 'with a restarted agent');

    await hv1.stopAgent();
    hv1.cleanUp();
    t.false(existsSync(hv1.bpffs));
    t.false(one.pings('10.0.0.2', 1), 'nothing forwards any more');
  },
);
