import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import test from 'ava';
import { run } from '../testing/iovctl.js';
import { coordinatorBin, iovctlBin } from '../testing/process.js';
import { scene, switchWith } from '../testing/scene.js';

/** Where nobody listens, a moment ago at least. */
async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `127.0.0.1:${port}`;
}

test.serial('wrong flags end the process with status 2 and one line', async (t) => {
  for (const args of [['--bogus'], ['--listen', 'nowhere'], ['--config', '/nope']]) {
    const { code, stdout, stderr } = await run(coordinatorBin, ...args);
    t.is(code, 2);
    t.is(stdout, '');
    t.regex(stderr, /^iovisor-coordinator: [^\n]+\n$/);
  }
});

test.serial('an address in use is said, with status 2', async (t) => {
  const made = await scene(t);
  const { central, coordinator } = made;
  const child = spawn(
    process.execPath,
    [coordinatorBin, '--nb', central.nb, '--sb', central.sb, '--listen', coordinator.address],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let stderr = '';
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString();
  });
  const [code] = (await once(child, 'close')) as [number];
  t.is(code, 2);
  t.regex(stderr, /^iovisor-coordinator: listen: unix:[^\n]+\n$/);
});

test.serial(
  'iovctl says in one line what to do when nobody answers, and what is wrong with its flags',
  async (t) => {
    const address = await freeAddress();
    const nobody = await run(iovctlBin, '--coordinator', address, 'nodes');
    t.is(nobody.code, 3);
    t.is(nobody.stderr.split('\n').length, 2);
    t.true(
      nobody.stderr.includes(
        `no coordinator answers at ${address}; start iovisor-coordinator, or name another`,
      ),
    );
    for (const args of [
      ['bogus'],
      ['nodes', '--bogus'],
      [],
      ['--coordinator', 'x', 'nodes'],
      ['nodes', 'a', 'b'],
    ]) {
      const { code, stderr } = await run(iovctlBin, ...args);
      t.is(code, 2, args.join(' '));
      t.regex(stderr, /^iovctl: [^\n]+\n$/);
    }
  },
);

const tunnelReport = {
  chassis: 'hv2',
  encap: 'geneve',
  localIp: '2001:db8::1',
  remoteIp: '2001:db8::2',
  resolved: false,
  state: 'no next hop',
  mtu: 1400,
  csum: true,
  txPackets: 1n,
  txBytes: 2n,
  txDrops: 3n,
  rxPackets: 4n,
  rxBytes: 5n,
  rxDrops: 6n,
  lastSeen: '',
  ways: [
    { device: 'eth0', gateway: 'fe80::1', mac: '' },
    { device: 'eth1', gateway: '', mac: '' },
  ],
};

test.serial('what iovctl shows', async (t) => {
  const made = await scene(t);
  const agent = await made.agent('hv1', { plugged: ['p1', 'lost'] });
  await made.central.nbctl('--wait=hv', ...switchWith('sw0', 'p1', 'p2'));
  const counters = { rxPackets: 5n, rxBytes: 1n << 60n, txPackets: 6n, txBytes: 7n, drops: 8n };
  const local = { ifindex: 3, switchName: 'sw0', hook: 'tcx', forwarding: true, state: 'forwarding', id: 1 };
  agent.report = {
    ports: [
      {
        name: 'p1',
        tap: 'tap1',
        instances: ['portsec:1', 'switch:2'],
        ...local,
        ...counters,
        dropsByReason: [],
      },
    ],
    drops: [{ reason: 'portsec_in_ip4', port: 'p1', packets: 8n, description: 'spoofed' }],
    modules: [
      { name: 'switch', programId: 9, tag: 'ab', slot: 2, instances: 1, jitedBytes: 1500, loadedAt: '2026' },
    ],
    tunnels: [],
    problems: [],
  };
  const iovctl = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(iovctlBin, '--coordinator', made.coordinator.address, ...args);
    t.is(code, 0, stderr);
    return stdout;
  };
  t.regex(await iovctl('ports'), /^p1 +sw0 +tap1 +hv1 +portsec:1 → switch:2 +up +forwarding +5 +6 +8$/m);
  t.regex(await iovctl('ports'), /^p2 +sw0 +- +- +- +down +not plugged/m);
  t.regex(await iovctl('nodes'), /^hv1 +hv1\.example +vxlan .*yes +unix /m);
  t.regex(await iovctl('switches'), /^sw0 +1 +2 +1 +hv1$/m);
  t.regex(await iovctl('drops'), /^hv1 +p1 +portsec_in_ip4 +8 +spoofed$/m);
  t.regex(await iovctl('modules'), /^hv1 +switch +2 +1 +9 +ab +1\.5 kB/m);
  t.regex(await iovctl('problems'), /no logical switch port of that name \(lost\)/);
  t.regex(await iovctl('status'), /^Hypervisors +1 connected of 1$/m);
  t.is(await iovctl('tunnels'), 'no tunnel\n');
  agent.report = { ...agent.report, tunnels: [tunnelReport] };
  t.regex(
    await iovctl('tunnels'),
    /^hv1 +hv2 +geneve +2001:db8::1 +2001:db8::2 +no next hop +fe80::1 eth0, eth1 +1400 +yes +1 +2 B +3 +4 +5 B +6 +never$/m,
  );
  const [{ tunnel }] = JSON.parse(await iovctl('tunnels', '--json'));
  t.like(tunnel, { state: 'no next hop', mtu: 1400, txDrops: 3, rxDrops: 6 });
  t.is(await iovctl('health'), 'SERVING\n');
  const [port] = JSON.parse(await iovctl('ports', 'p1', '--json'));
  t.is(port.name, 'p1');
  t.is(port.local.rxBytes, (1n << 60n).toString(), 'a counter that a number cannot hold is text');
  const unknown = await run(
    iovctlBin,
    ...['--coordinator', made.coordinator.address, 'ports', '--node', 'hv9', '--json'],
  );
  t.deepEqual(JSON.parse(unknown.stdout), []);
  t.is(unknown.code, 4);
});

test.serial('what several hypervisors report is sorted by hypervisor, then by name', async (t) => {
  const made = await scene(t);
  const loaded = { programId: 9, tag: 'ab', slot: 2, instances: 1, jitedBytes: 1, loadedAt: '' };
  for (const name of ['hv2', 'hv1']) {
    const agent = await made.agent(name);
    agent.report = {
      modules: ['switch', 'entry'].map((module) => ({ name: module, ...loaded })),
      drops: ['p2', 'p1'].map((port) => ({ reason: 'x', port, packets: 1n, description: '' })),
    };
  }
  const rows = async (command: string) => {
    const { stdout } = await run(iovctlBin, '--coordinator', made.coordinator.address, command);
    return stdout
      .split('\n')
      .slice(1, 5)
      .map((line) => line.split(/ +/, 2).join(' '));
  };
  t.deepEqual(await rows('modules'), ['hv1 entry', 'hv1 switch', 'hv2 entry', 'hv2 switch']);
  t.deepEqual(await rows('drops'), ['hv1 p1', 'hv1 p2', 'hv2 p1', 'hv2 p2']);
});

test.serial('a hypervisor that does not answer is named; health tells by its exit status', async (t) => {
  const made = await scene(t);
  const agent = await made.agent('hv1');
  agent.mute = true;
  const drops = await run(iovctlBin, '--coordinator', made.coordinator.address, 'drops');
  t.is(drops.stderr, 'iovctl: no answer from hv1\n');
  t.is(drops.code, 4, 'what is printed is not all there is');
  await made.central.stopServer('sb');
  while ((await made.problems()).length === 0) await new Promise(setImmediate);
  const health = await run(iovctlBin, '--coordinator', made.coordinator.address, 'health');
  t.is(health.code, 1);
  t.is(health.stdout, 'NOT_SERVING\n');
});
