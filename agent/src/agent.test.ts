import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type ClientReadableStream, credentials, makeGenericClientConstructor } from '@grpc/grpc-js';
import { Query, ReportKind } from '@iovisor-ovn/proto';
import test, { type ExecutionContext } from 'ava';
import { service as healthService } from 'grpc-health-check';
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

/** Asks the agent's health service until it gives this answer; the test runner's limit ends it. */
async function untilHealth(hv: Hypervisor, service: string, wanted: string): Promise<void> {
  for (;;) {
    const answer = await health(hv, service).catch((error: Error) => error.message);
    if (answer === wanted) return;
    await setTimeout(20);
  }
}

function health(hv: Hypervisor, service: string): Promise<string> {
  const Health = makeGenericClientConstructor(healthService, 'grpc.health.v1.Health');
  const client = new Health(`unix:${hv.healthSocket}`, credentials.createInsecure());
  return new Promise<string>((resolve, reject) => {
    const done = (error: Error | null, answer?: { status: string }) =>
      error ? reject(error) : resolve(answer!.status);
    (client as unknown as { check(request: { service: string }, done: unknown): void }).check(
      { service },
      done,
    );
  }).finally(() => client.close());
}

/** What the agent's health service tells who watches it, one answer after the other. */
function watchHealth(t: ExecutionContext, hv: Hypervisor, service: string): { next(): Promise<string> } {
  const Health = makeGenericClientConstructor(healthService, 'grpc.health.v1.Health');
  const client = new Health(`unix:${hv.healthSocket}`, credentials.createInsecure());
  const watch = (
    client as unknown as { watch(request: { service: string }): ClientReadableStream<{ status: string }> }
  ).watch({ service });
  const answers = watch[Symbol.asyncIterator]();
  watch.on('error', () => undefined);
  t.teardown(() => {
    watch.cancel();
    client.close();
  });
  return { next: async () => ((await answers.next()).value as { status: string }).status };
}

test.serial(
  'an agent alone: it waits for its database, is ready when it is, reports, and heals',
  async (t) => {
    const hv = new Hypervisor('hv9');
    t.teardown(() => hv.remove());
    const coordinator = await new ScriptedCoordinator().listen(`unix:${hv.socket}.coordinator`);
    t.teardown(() => coordinator.stop());

    hv.startAgent('--coordinator', `unix:${hv.socket}.coordinator`);
    await untilHealth(hv, '', 'NOT_SERVING');
    t.is(await hv.stopAgent(), 0, 'stops cleanly without a database');
    hv.startAgent('--coordinator', `unix:${hv.socket}.coordinator`, '--hook', 'clsact');
    await hv.startDatabase();
    await untilHealth(hv, 'ovsdb', 'SERVING');
    t.is(await health(hv, 'coordinator'), 'NOT_SERVING', 'no system-id: it cannot introduce itself');
    hv.configure({ 'system-id': 'hv9', 'ovn-encap-type': 'geneve,vxlan', 'ovn-encap-ip': '192.0.2.9' });
    const session = await coordinator.session();
    const hello = await session.next('hello');
    t.deepEqual(hello.chassis!.encaps.map(({ type, ip }) => `${type} ${ip}`).sort(), [
      'geneve 192.0.2.9',
      'vxlan 192.0.2.9',
    ]);
    session.welcome();
    await untilHealth(hv, 'coordinator', 'SERVING');
    t.is(await health(hv, ''), 'NOT_SERVING', 'nothing was committed yet');

    const machine = new Machine({ mac: '0a:00:00:00:00:01', address: '10.0.0.1/24', home: hv.namespace });
    t.teardown(() => machine.remove());
    hv.vsctl(
      'add-port',
      'br-int',
      machine.tap,
      '--',
      'set',
      'Interface',
      machine.tap,
      'external_ids:iface-id=lp',
    );
    const { upserts } = await session.next('interfaces');
    t.deepEqual(
      upserts.map(({ ifaceId, tap }) => [ifaceId, tap]),
      [['lp', machine.tap]],
    );
    const port = portIntent('lp', 's', 3, {
      local: true,
      chassis: 'hv9',
      addresses: ['0a:00:00:00:00:01 10.0.0.1'],
      portSecurity: ['0a:00:00:00:00:01 10.0.0.7'],
    });
    const ack = await session.apply([switchIntent('s', 5), port], [], { full: true, nbCfg: 12n });
    t.deepEqual([ack.forwarding, ack.nbCfg], [['lp'], 12n]);
    await untilHealth(hv, '', 'SERVING');
    const installed = () =>
      hv.vsctl('--if-exists', 'get', 'Interface', machine.tap, 'external_ids:ovn-installed');
    while (installed() !== '"true"') await setTimeout(20);
    while (hv.vsctl('get', 'Bridge', 'br-int', 'external_ids:ovn-nb-cfg') !== '"12"') await setTimeout(20);

    t.false(machine.pings('10.0.0.2', 1), 'port security allows another address');
    const ask = async (kind: ReportKind) => {
      session.send({ $case: 'query', value: Query.create({ id: BigInt(kind), kind }) });
      return session.next('report', ({ queryId }) => queryId === BigInt(kind));
    };
    const [report] = (await ask(ReportKind.REPORT_PORTS)).ports;
    t.like(report, {
      name: 'lp',
      tap: machine.tap,
      switchName: 'switch s',
      hook: 'clsact',
      forwarding: true,
      state: 'forwarding',
    });
    t.deepEqual(report!.instances, ['entry:1', 'portsec:1', 'switch:1']);
    t.true(report!.rxPackets > 0n && report!.drops > 0n);
    const { drops } = await ask(ReportKind.REPORT_DROPS);
    t.true(
      drops.some(
        ({ reason, port: name, packets }) => reason === 'portsec_in_arp' && name === 'lp' && packets > 0n,
      ),
    );
    t.true(
      (await ask(ReportKind.REPORT_MODULES)).modules.some(
        ({ name, programId }) => name === 'switch' && programId > 0,
      ),
    );
    await session.apply([portIntent('x', 'nowhere', 1), chassisIntent('far', ['vxlan', '192.0.2.77'])]);
    const { problems } = await ask(ReportKind.REPORT_PROBLEMS);
    t.true(
      problems.some(
        ({ name, table, message, node }) =>
          name === 'x' && table === 'Logical_Switch_Port' && /nowhere/.test(message) && node === 'hv9',
      ),
      JSON.stringify(problems),
    );
    t.like((await ask(ReportKind.REPORT_TUNNELS)).tunnels[0], {
      chassis: 'far',
      remoteIp: '192.0.2.77',
      resolved: false,
    });

    // Somebody puts another program in the place of ours: it is his, and has to go first.
    const filter = ['dev', machine.tap, 'ingress', 'pref', '1', 'handle', '0x696f7631', 'bpf'];
    const [version] = readdirSync(hv.bpffs);
    const pinned = ['da', 'object-pinned', join(hv.bpffs, version!, 'progs', 'iov_switch')];
    const watched = watchHealth(t, hv, 'datapath');
    t.is(await watched.next(), 'SERVING');
    sh('tc', '-n', hv.namespace.name, 'filter', 'replace', ...filter, ...pinned);
    // Any filter that goes has it look at the device.
    const other = ['dev', machine.tap, 'egress', 'pref', '9'];
    sh('tc', '-n', hv.namespace.name, 'filter', 'add', ...other, 'bpf', ...pinned);
    sh('tc', '-n', hv.namespace.name, 'filter', 'del', ...other);
    t.is(await watched.next(), 'NOT_SERVING');
    t.is(await health(hv, ''), 'NOT_SERVING');
    const damage = (await ask(ReportKind.REPORT_PROBLEMS)).problems.find(
      ({ name, message }) => name === machine.tap && /somebody changed the entry program/.test(message),
    );
    t.regex(damage?.message ?? '', /belongs to another program; remove it/);
    sh('tc', '-n', hv.namespace.name, 'filter', 'del', ...filter);
    t.is(await watched.next(), 'SERVING');
    t.is(await health(hv, ''), 'SERVING');

    // The tap vanishes, and comes back under its name.
    sh('ip', '-n', hv.namespace.name, 'link', 'del', machine.tap);
    t.deepEqual((await session.next('ack', ({ notForwarding }) => notForwarding.length > 0)).notForwarding, [
      'lp',
    ]);
    t.deepEqual((await session.next('interfaces')).removals, ['lp']);

    // Another name: another chassis.
    hv.configure({ 'system-id': 'hv10' });
    t.is((await (await coordinator.session()).next('hello')).chassis!.name, 'hv10');
    t.is(await hv.stopAgent('SIGINT'), 0);
    // What the agent made goes, nothing else.
    hv.namespace.ip('link', 'add', 'foreign', 'type', 'bridge');
    t.regex(hv.namespace.ip('-br', 'link'), /^br-int /m);
    t.regex(hv.cleanUp(), / 1 devices /);
    t.notRegex(hv.namespace.ip('-br', 'link'), /^br-int /m);
    t.regex(hv.namespace.ip('-br', 'link'), /^foreign /m);
    t.false(existsSync(hv.bpffs));
  },
);

test.serial(
  'a coordinator address in the database that would be plain text is a problem, and heals',
  async (t) => {
    const hv = new Hypervisor('hv8');
    t.teardown(() => hv.remove());
    const socket = `${hv.socket}.coordinator`;
    const coordinator = await new ScriptedCoordinator().listen(`unix:${socket}`);
    t.teardown(() => coordinator.stop());
    await hv.startDatabase();
    const address = { 'iovisor-coordinator': '192.0.2.1:6650' };
    hv.configure({ 'system-id': 'hv8', 'ovn-encap-type': 'geneve', 'ovn-encap-ip': '192.0.2.8', ...address });
    const agent = hv.startAgent();
    while (!/192\.0\.2\.1:6650 would be plain text.*--insecure-plaintext/.test(hv.output))
      await once(agent.stdout!, 'data');
    hv.configure({ 'iovisor-coordinator': `unix:${socket}` });
    const session = await coordinator.session();
    t.is((await session.next('hello')).chassis!.name, 'hv8');
  },
);
