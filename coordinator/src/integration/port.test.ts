import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Query, ReportKind, TraceReport } from '@iovisor-ovn/proto';
import test, { type ExecutionContext } from 'ava';
import { iovctl } from '../testing/iovctl.js';
import { type Scene, scene, switchWith } from '../testing/scene.js';

const mac = (n: number) => `0a:00:00:00:00:0${n}`;
const counters = { rxPackets: 5n, rxBytes: 500n, txPackets: 6n, txBytes: 600n, drops: 2n };
const local = {
  ...counters,
  name: 'p1',
  tap: 'tap1',
  ifindex: 3,
  switchName: 'sw0',
  instances: ['entry:1', 'portsec:1', 'switch:2'],
  hook: 'tcx',
  forwarding: true,
  state: 'forwarding',
  id: 1,
};

/** A switch with p1 and p2 of addresses 10.0.0.1 and 10.0.0.2, p3 without. */
async function network(made: Scene): Promise<void> {
  const addresses = (n: number) => ['--', 'lsp-set-addresses', `p${n}`, `${mac(n)} 10.0.0.${n} fd00::${n}`];
  await made.central.nbctl(
    '--wait=sb',
    ...switchWith('sw0', 'p1', 'p2', 'p3'),
    ...addresses(1),
    ...addresses(2),
  );
}

function ask(t: ExecutionContext, made: Scene, expected: number) {
  return async (...args: string[]) => {
    const { code, stdout, stderr } = await iovctl(made.coordinator.address, ...args);
    t.is(code, expected, stdout + stderr);
    return expected === 0 ? stdout : stderr;
  };
}

/** "column : value" of the lines, as ovn-nbctl and iovctl print them. */
function columns(text: string): string[] {
  return [...text.matchAll(/^ *(\w+) *: (.*)$/gm)]
    .map(([, column, value]) => `${column}: ${value}`)
    .filter((line) => !line.startsWith('_uuid'))
    .sort();
}

test.serial('a port with everything', async (t) => {
  const made = await scene(t);
  await network(made);
  const agent = await made.agent('hv1', { plugged: ['p1'] });
  await made.central.nbctl(
    ...['set', 'Logical_Switch_Port', 'p1', 'options:requested-chassis=hv1', 'options:mcast_flood=true'],
    ...['external_ids:odd="a \\"b\\", c"', 'external_ids:"neutron:name"="true"', 'tag=5'],
    ...['--', 'lsp-set-port-security', 'p1', `${mac(1)} 10.0.0.1/24`],
    ...['--', 'set', 'Logical_Switch_Port', 'p1', 'mirror_rules=@m', '--', '--id=@m', 'create', 'Mirror'],
    ...['name=m', 'filter=to-lport', 'sink=10.0.0.9', 'type=gre', 'index=1'],
  );
  await made.central.nbctl('--wait=hv', 'sync');
  agent.report = (query: Query) => ({
    ports: [
      {
        ...local,
        dropsByReason: [
          {
            reason: 'portsec_in_ip4',
            packets: 2n,
            last: '2026-01-02T03:04:05.678Z',
            packet: 'what it was',
            description: 'Spoofed.',
          },
        ],
      },
    ],
    problems: [
      { table: 'Interface', name: 'tap1', message: 'of its device' },
      { table: 'Interface', name: 'p1', message: 'of a device that has its name' },
      { table: 'Logical_Switch_Port', name: 'p1', message: 'of the port' },
      { table: 'Logical_Switch_Port', name: 'p2', message: 'of another' },
    ].map((one) => ({ where: '', uuid: '', column: '', since: '', node: '', ...one })),
    ...(query.port === 'p1' || query.kind === ReportKind.REPORT_PROBLEMS ? {} : { ports: [] }),
  });
  const ok = ask(t, made, 0);
  const text = await ok('port', 'p1');
  const [northbound = '', southbound = ''] = text.split(/^Southbound/m);
  t.deepEqual(columns(northbound), columns(await made.central.nbctl('list', 'Logical_Switch_Port', 'p1')));
  const binding = await made.central.sbctl('find', 'Port_Binding', 'logical_port=p1');
  t.deepEqual(columns(southbound), columns(binding));
  t.regex(text, /^Port +p1, of switch sw0$/m);
  t.regex(text, /^Hypervisor +hv1$/m);
  t.regex(text, /^Device +tap1, ifindex 3, tcx$/m);
  t.regex(text, /^IOModules +entry:1 → portsec:1 → switch:2$/m);
  t.regex(text, /^State +forwarding$/m);
  t.regex(text, /^Received +5 packets, 500 B from the machine$/m);
  t.regex(text, /^ {2}2 × portsec_in_ip4: Spoofed\.\n {6}last 2026-01-02T03:04:05\.678Z: what it was$/m);
  t.regex(text, /mirrors are not supported yet/);
  t.regex(text, /of its device/);
  t.regex(text, /: of the port/);
  t.notRegex(text, /of another|of a device/);
  t.notRegex(text, /Missing/);
  const json = JSON.parse(await ok('port', 'p1', '--json'));
  t.is(json.port.local.dropsByReason[0].packets, 2);
  t.is(json.northbound.tag, '5');
  t.is(json.southbound.logical_port, 'p1');
});

test.serial('a port that is bound nowhere, and one that does not exist', async (t) => {
  const made = await scene(t);
  await network(made);
  await made.central.nbctl(
    ...['--wait=sb', 'lsp-add', 'sw0', 'inner', 'p1', '5', '--', 'lsp-add', 'sw0', 'provnet'],
    ...['--', 'lsp-set-type', 'provnet', 'localnet', '--', 'lsp-add', 'sw0', 'wire'],
    ...['--', 'lsp-set-type', 'wire', 'router'],
  );
  const ok = ask(t, made, 0);
  const unbound = await ok('port', 'p1');
  t.regex(unbound, /^Missing +port p1 is bound to no hypervisor: none has .*iface-id=p1/m);
  t.regex(unbound, /^Hypervisor +none$/m);
  t.regex(unbound, /addresses +: \["0a:00:00:00:00:01 10\.0\.0\.1 fd00::1"\]/);
  t.regex(
    await ok('port', 'inner'),
    /^Missing +.*inner is bound to no hypervisor: it is nested behind port p1$/m,
  );
  t.regex(await ok('port', 'provnet'), /^Missing +.*no hypervisor takes part in its logical switch$/m);
  t.regex(await ok('port', 'wire'), /^Missing +port wire leads to another logical datapath/m);
  t.is(await ask(t, made, 1)('port', 'nobody'), 'iovctl: there is no logical switch port "nobody"\n');
  t.regex(await ask(t, made, 1)('port', 'constructor'), /there is no/);
  await ask(t, made, 2)('port');
});

test.serial('a port whose agent is away', async (t) => {
  const made = await scene(t);
  await network(made);
  await made.central.nbctl('--wait=sb', 'lsp-add', 'sw0', 'ln', '--', 'lsp-set-type', 'ln', 'localnet');
  const agent = await made.agent('hv1', { plugged: ['p1'] });
  await made.central.nbctl('--wait=hv', 'sync');
  const ok = ask(t, made, 0);
  t.regex(await ok('port', 'ln'), /^Hypervisor +hv1$/m);
  t.regex(await ok('port', 'p1'), /^Missing +the agent of hypervisor hv1 does not know the port/m);
  agent.mute = true;
  t.regex(await ok('port', 'p1'), /^Missing +the agent of hypervisor hv1 does not answer$/m);
  agent.close();
  await agent.untilEnded();
  const away = async () => {
    const text = await ok('port', 'p1');
    return /^Missing +the agent of hypervisor hv1 is not connected/m.test(text) && text;
  };
  let text = await away();
  while (!text) text = await away();
  t.regex(text, /^Hypervisor +hv1$/m);
});

test.serial('a port while northd and Northbound are away', async (t) => {
  const made = await scene(t);
  await network(made);
  const ok = ask(t, made, 0);
  // Nobody makes its Port_Binding.
  await made.central.stopServer('northd');
  await made.central.nbctl('lsp-add', 'sw0', 'p9');
  t.regex(await ok('port', 'p9'), /^Missing +Southbound has no Port_Binding/m);
  await made.central.stopServer('nb');
  t.regex(await ok('port', 'p1'), /^Missing +OVN_Northbound does not answer/m);
});

test.serial('a trace follows the packet into the tunnels', async (t) => {
  const made = await scene(t);
  await network(made);
  const asked: Query[] = [];
  const outer = Buffer.alloc(100, 7);
  const step = (module: string, verdict: string, drop = '') => ({
    module,
    program: `iov_${module}`,
    verdict,
    drop,
  });
  const one = await made.agent('hv1', { plugged: ['p1'] });
  one.report = (query) => {
    asked.push(query);
    const outputs = [
      { port: 'px', chassis: '', frame: query.trace?.frame ?? Buffer.alloc(0) },
      { port: '', chassis: 'hv2', frame: outer },
      { port: '', chassis: 'hv9', frame: outer },
    ];
    const steps = [step('entry', '→ switch'), step('flood', 'copy to px'), step('flood', 'drop x: y', 'x')];
    return { trace: TraceReport.create({ steps, outputs }) };
  };
  const two = await made.agent('hv2', { plugged: ['p2'] });
  two.report = (query) => {
    asked.push(query);
    const outputs = [{ port: 'p2', chassis: '', frame: Buffer.alloc(20) }];
    return { trace: TraceReport.create({ steps: [step('tunnel', 'deliver to p2 (tap2)')], outputs }) };
  };
  await made.central.nbctl('--wait=hv', 'sync');
  const ok = ask(t, made, 0);
  const text = await ok('trace', 'p1', 'ip4.dst == 10.0.0.2');
  const frame = `0a00000000020a000000000108004500003c00010000400166be0a0000010a0000020800f7fd00010001${'00'.repeat(32)}`;
  t.is(
    text.split('\n')[0],
    `# ${mac(1)} > ${mac(2)}, IPv4 10.0.0.1 > 10.0.0.2, ICMP echo request, ttl 64, 74 bytes`,
  );
  t.regex(text, /^hv1, from port p1:\n {2}entry {2}→ switch\n {2}flood {2}copy to px\n {9}drop x: y$/m);
  t.regex(text, /^hv2, from the tunnel of hv1:\n {2}tunnel {2}deliver to p2 \(tap2\)$/m);
  t.regex(text, /^hv9, from the tunnel of hv1:\n {2}hypervisor hv9 is not registered in Southbound$/m);
  t.regex(text, /^output to "px" on hv1$/m);
  t.regex(text, /^drop x: y on hv1$/m);
  t.regex(text, /^output to "p2" on hv2 as 00:00/m);
  const traces = asked.filter(({ kind }) => kind === ReportKind.REPORT_TRACE).map(({ trace }) => trace);
  t.deepEqual(
    traces.map((trace) => [trace?.port, Buffer.from(trace?.frame ?? []).toString('hex')]),
    [
      ['p1', frame],
      ['', outer.toString('hex')],
    ],
  );
  t.deepEqual((await ok('trace', 'p1', 'ip4.dst==10.0.0.2', '--minimal')).split('\n').slice(1, -1), [
    'output to "px" on hv1',
    'drop x: y on hv1',
    'output to "p2" on hv2 as 00:00:00:00:00:00 > 00:00:00:00:00:00, type 0x0000, 20 bytes',
    'unknown on hv9: hypervisor hv9 is not registered in Southbound',
  ]);
  t.regex(await ok('trace', 'p1', '--summary', '--frame', frame), /^hv1, from port p1: entry → flood$/m);
  const json = JSON.parse(await ok('trace', 'p1', 'inport=="p1" && ip4.dst==10.0.0.2', '--json'));
  t.is(json.frame, frame);
  t.deepEqual(
    json.nodes.map((node: { node: string; from: string }) => `${node.from}>${node.node}`),
    ['>hv1', 'hv1>hv2', 'hv1>hv9'],
  );
  t.is(json.nodes[0].steps[2].drop, 'x');
  t.is(json.nodes[1].outputs[0].frame, '00'.repeat(20));

  const file = join(made.central.dir, 'one.pcap');
  const head = Buffer.alloc(40);
  for (const [index, value] of [0xa1b2c3d4, 0x40002, 0, 0, 65535, 1, 0, 0, 74, 74].entries())
    head.writeUInt32LE(value, index * 4);
  writeFileSync(file, Buffer.concat([head, Buffer.from(frame, 'hex')]));
  t.is(JSON.parse(await ok('trace', 'p1', '--pcap', file, '--json')).frame, frame);

  // Two hypervisors that send into each other's tunnels: that ends.
  two.report = () => ({
    trace: TraceReport.create({ outputs: [{ port: '', chassis: 'hv1', frame: outer }] }),
  });
  t.is(JSON.parse(await ok('trace', 'p1', '--frame', frame, '--json')).nodes.length, 4);
});

test.serial('what cannot be traced is said', async (t) => {
  const made = await scene(t);
  await network(made);
  const failed = ask(t, made, 1);
  t.regex(await failed('trace', 'nobody', 'ip4.dst==10.0.0.2'), /there is no logical switch port "nobody"/);
  t.regex(await failed('trace', 'p1', 'ip4.dst==10.0.0.2'), /p1 is bound to no hypervisor/);
  await made.agent('hv1', { plugged: ['p1'] });
  await made.central.nbctl('--wait=hv', 'sync');
  const ok = ask(t, made, 0);
  t.regex(await ok('trace', 'p1', 'ip4.dst==10.0.0.2'), /the agent of hv1 cannot trace/);
  t.regex(
    await failed('trace', 'p1', 'ip4.dst==10.0.0.2', '--node', 'hv2'),
    /not on hypervisor hv2; it is on hv1/,
  );
  const wrong = ask(t, made, 2);
  t.is(
    await wrong('trace', 'p1', 'ip4 && ip6'),
    'iovctl: this contradicts what else is said of eth.type\n  ip4 && ip6\n         ^\n',
  );
  t.regex(await wrong('trace', 'p1', 'inport=="p2" && arp'), /inport is "p2"/);
  t.regex(await wrong('trace', 'p1', 'ip4.dst==10.9.9.9'), /no port of the logical switch.*eth\.dst/);
  t.regex(await wrong('trace', 'p3', 'ip4.dst==10.0.0.2'), /p3 has no MAC/);
  t.regex(await wrong('trace', 'p1'), /one of: an expression/);
  t.regex(await wrong('trace', 'p1', 'arp', '--frame', '00'), /one of: an expression/);
  t.regex(await wrong('trace', 'p1', '--frame', '0a'), /1 bytes/);
  t.regex(await wrong('trace', 'p1', '--frame', '0a', '--size', '60'), /--size/);
  t.regex(await wrong('trace', 'p1', '--pcap', '/nope'), /nope/);
  t.regex(await wrong('trace', 'p1', 'arp.tpa==10.0.0.2', '--size', 'x'), /number of bytes/);
});

test.serial('a trace of a port whose agent is away, or whose hypervisor is a stock one', async (t) => {
  const made = await scene(t);
  await network(made);
  const agent = await made.agent('hv1', { plugged: ['p1'] });
  await made.central.nbctl('--wait=hv', 'sync');
  const failed = ask(t, made, 1);
  agent.close();
  await agent.untilEnded();
  const message = await failed('trace', 'p1', '--frame', '00'.repeat(60));
  t.regex(message, /the agent of hypervisor hv1 is not connected/);
  // A stock hypervisor in its place.
  const chassis = await made.binding('p1', 'chassis');
  await made.central.sbctl('remove', 'Chassis', chassis, 'other_config', 'iovisor-abi');
  const stock = async () =>
    /runs a stock ovn-controller/.test(await failed('trace', 'p1', '--frame', '00'.repeat(60)));
  while (!(await stock()));
  t.pass();
});
