import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { type ServiceError, status } from '@grpc/grpc-js';
import { type Query, ReportKind, type WatchEvent } from '@iovisor-ovn/proto';
import test from 'ava';
import { iovctl } from '../testing/iovctl.js';
import { iovctlBin } from '../testing/process.js';
import { type Scene, scene, switchWith } from '../testing/scene.js';
import type { ScriptedAgent } from '../testing/scripted-agent.js';

const hostile = 'p\u001b[31m"1\n\u202e<b>&#9829;]\\N';

const self = {
  version: '9.9',
  abi: 1,
  runtime: 'node 20',
  kernel: '6.1',
  hook: 'clsact',
  bpffs: '/sys/fs/bpf/iovisor',
  logLevel: 'info',
  uptimeSeconds: 5n,
  memoryBytes: 1500n,
  health: { '': false, ovsdb: true, datapath: true, coordinator: false },
  ports: 2,
  forwarding: 1,
};

/** An agent that answers as real ones do. */
function answering(agent: ScriptedAgent): void {
  let logLevel = 'info';
  const local = { ifindex: 3, switchName: 'sw0', hook: 'tcx', id: 1, instances: ['portsec:1', 'switch:2'] };
  const counters = { rxPackets: 5n, rxBytes: 1n, txPackets: 6n, txBytes: 7n, drops: 8n, dropsByReason: [] };
  const port = (name: string, forwarding: boolean, state: string) => ({
    name,
    tap: `tap${name.slice(1, 2)}`,
    forwarding,
    state,
    ...local,
    ...counters,
  });
  agent.report = ({ kind, logLevel: wanted }: Query) => {
    if (kind === ReportKind.REPORT_LOG_LEVEL) {
      if (wanted !== '') logLevel = wanted;
      return { logLevel };
    }
    return {
      agent: self,
      ports: [port('p1', true, 'forwarding'), port(hostile, false, 'no such device')],
      drops: [
        { reason: 'portsec_in_ip4', port: 'p1', packets: 8n, description: 'Spoofed.' },
        { reason: 'portsec_in_ip4', port: 'p2', packets: 2n, description: 'Spoofed.' },
      ],
      modules: [
        { name: 'switch', programId: 9, tag: 'ab', slot: 2, instances: 1, jitedBytes: 1, loadedAt: '' },
      ],
    };
  };
}

async function network(made: Scene): Promise<ScriptedAgent> {
  const agent = await made.agent('hv1', { plugged: ['p1'] });
  answering(agent);
  await made.central.nbctl(
    ...['--wait=hv', ...switchWith('sw0', 'p1', 'p2', hostile), '--', 'lr-add', 'lr0'],
    ...['--', 'lrp-add', 'lr0', 'lrp0', '0a:00:00:00:00:01', '10.0.0.254/24'],
    ...['--', 'lsp-add', 'sw0', 'to-lr0', '--', 'lsp-set-type', 'to-lr0', 'router'],
    ...[
      '--',
      'lsp-set-options',
      'to-lr0',
      'router-port=lrp0',
      '--',
      'lrp-set-gateway-chassis',
      'lrp0',
      'hv1',
      '10',
    ],
    ...['--', 'lr-nat-add', 'lr0', 'snat', '192.0.2.1', '10.0.0.0/24'],
    ...['--', 'lr-route-add', 'lr0', '0.0.0.0/0', '10.0.0.1'],
  );
  return agent;
}

test.serial('one hypervisor, routers, drawings: everything is there, and names do no harm', async (t) => {
  const made = await scene(t);
  await network(made);
  const ask = async (...args: string[]) => {
    const { code, stdout, stderr } = await iovctl(made.coordinator.address, ...args);
    t.is(code, 0, `${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const [node, nodeJson, routers, ports, portsJson] = await Promise.all([
    ask('node', 'hv1'),
    ask('node', 'hv1', '--json'),
    ask('routers'),
    ask('ports'),
    ask('ports', '--json'),
  ]);
  for (const line of [
    /^Hypervisor {3}hv1 \(hv1\.example\)$/m,
    /^Session {6}from unix since /m,
    /^Agent {8}version 9\.9, ABI 1, node 20, kernel 6\.1$/m,
    /^Health {7}NOT_SERVING \(ovsdb SERVING, datapath SERVING, coordinator NOT_SERVING\)$/m,
    /^Ports {8}1 bound, 1 up; its agent: 2 local, 1 forwarding$/m,
    /^ {2}10 × portsec_in_ip4 at 2 ports: Spoofed\.$/m,
    /^Switches {5}sw0$/m,
    /^Problems {5}none$/m,
  ])
    t.regex(node, line);
  t.like(JSON.parse(nodeJson), {
    node: { chassis: 'hv1' },
    agent: { version: '9.9' },
    missing: [],
    encaps: [{ type: 'vxlan' }],
  });
  t.regex(
    routers,
    /^lr0 +\d+ +lrp0 +1 +1 +0 +0 +hv1 +logical routers are not supported yet: nothing is routed$/m,
  );
  t.is(ports.split('\n').length, 6, 'a line for each port, one of titles, an end');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those must not be there
  for (const text of [ports, portsJson]) t.notRegex(text, /[\u0000-\u0009\u000b-\u001f\u202e]/);
  t.true((JSON.parse(portsJson) as { name: string }[]).some(({ name }) => name === hostile));

  const [dot, mermaid, svg, limited] = await Promise.all([
    ask('topology', '--format', 'dot'),
    ask('topology'),
    ask('topology', '--format', 'svg'),
    ask('topology', '--format', 'dot', '--node', 'hv1'),
  ]);
  for (const drawing of [dot, mermaid, svg]) {
    for (const part of ['sw0', 'lr0', 'lrp0', 'hv1', 'portsec', 'on no hypervisor', 'not routed yet'])
      t.true(drawing.includes(part.replaceAll(':', ':')), `${part} in ${drawing}`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those must not be there
    t.notRegex(drawing, /[\u0000-\u0009\u000b-\u001f\u202e]/);
  }
  t.true(limited.includes('p1') && !limited.includes('p2'));
});

test.serial('exit statuses tell apart what is not there and what cannot be had', async (t) => {
  const made = await scene(t);
  const agent = await network(made);
  const code = async (...args: string[]) => (await iovctl(made.coordinator.address, ...args)).code;
  const codes = await Promise.all([
    code('node', 'hv9'),
    code('port', 'nowhere'),
    code('topology', '--switch', 'nowhere'),
    code('log-level', 'hv9', 'debug'),
    code('log-level', 'coordinator', 'loud'),
    code('log-level', 'debug'),
    code('watch', '--kind', 'weather'),
    code('topology', '--format', 'png'),
  ]);
  t.deepEqual(codes, [1, 1, 1, 1, 2, 2, 2, 2]);
  agent.mute = true;
  t.is(await code('log-level', 'hv1', 'debug'), 4);
});

test.serial('log levels change while everything runs', async (t) => {
  const made = await scene(t);
  await network(made);
  const levels = async (...args: string[]) =>
    JSON.parse((await iovctl(made.coordinator.address, '--json', 'log-level', ...args)).stdout) as unknown;
  t.deepEqual(await levels(), [
    { node: 'coordinator', level: 'info' },
    { node: 'hv1', level: 'info' },
  ]);
  t.deepEqual(await levels('hv1', 'debug'), [{ node: 'hv1', level: 'debug' }]);
  t.deepEqual(await levels('coordinator', 'error'), [{ node: 'coordinator', level: 'error' }]);
  t.deepEqual(await levels(), [
    { node: 'coordinator', level: 'error' },
    { node: 'hv1', level: 'debug' },
  ]);
  const before = made.coordinator.log.length;
  await made.agent('hv2');
  t.is(made.coordinator.log.length, before, 'a session is no error');
});

test.serial('watch tells what happens, of what it was asked for, until it is ended', async (t) => {
  const made = await scene(t);
  const args = ['--coordinator', made.coordinator.address, '--json', 'watch'];
  const start = (...more: string[]) => {
    const child = spawn(process.execPath, [iovctlBin, ...args, ...more], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async () => JSON.parse((await lines.next()).value as string) as WatchEvent;
    const seen: WatchEvent[] = [];
    /** The event, which may have come already: what comes first is not always the same. */
    const until = async (kind: string, event: string, name: string) => {
      const wanted = (one: WatchEvent) => one.kind === kind && one.event === event && one.name === name;
      while (!seen.some(wanted)) seen.push(await next());
      return seen.find(wanted)!;
    };
    return { child, next, until };
  };
  const all = start();
  const some = start('--kind', 'port', 'p2');
  t.is((await all.next()).event, 'begun');
  t.is((await some.next()).event, 'begun');
  const agent = await made.agent('hv1', { plugged: ['p1'] });
  await all.until('node', 'connected', 'hv1');
  await made.central.nbctl('--wait=hv', ...switchWith('sw0', 'p1', 'p2'));
  t.is((await all.until('port', 'bound', 'p1')).node, 'hv1');
  const { revision, milliseconds } = await all.until('commit', 'applied', 'hv1');
  t.true(Number(revision) > 0 && milliseconds > 0);
  await all.until('port', 'up', 'p1');
  agent.plug('lost');
  t.regex((await all.until('problem', 'found', 'lost')).message, /no logical switch port/);
  agent.unplug('lost');
  await all.until('problem', 'solved', 'lost');
  agent.close();
  await all.until('node', 'disconnected', 'hv1');
  t.like(await some.next(), { kind: 'port', event: 'created', name: 'p2' });
  some.child.kill('SIGINT');
  t.deepEqual(await once(some.child, 'exit'), [0, null]);
  // It may be gone before the coordinator is.
  const gone = once(all.child, 'exit');
  await made.coordinator.stop();
  t.deepEqual(await gone, [3, null]);
});

test.serial('a watcher that does not read is dropped, and the coordinator goes on', async (t) => {
  const made = await scene(t);
  const agent = await made.agent('hv1', { plugged: [] });
  const call = made.coordinator.admin.watch({ kinds: [], node: '', name: '' });
  const ended = new Promise<ServiceError>((resolve) => call.once('error', resolve));
  await once(call, 'readable');
  // What is not read here fills the buffers on the way, then the queue.
  const many = 4000;
  for (let index = 0; index < many; index++) agent.plug(`${index}-${'x'.repeat(200)}`);
  while ((await made.problems()).length < many) await new Promise(setImmediate);
  let read = 0;
  call.on('data', () => read++);
  const error = await ended;
  t.is(error.code, status.RESOURCE_EXHAUSTED);
  t.regex(error.details, /too slow/);
  t.true(read < many);
  t.is((await iovctl(made.coordinator.address, 'health')).code, 0);
});

test.serial('lists --watch: again and again, ended by Ctrl-C', async (t) => {
  const made = await scene(t);
  const agent = await made.agent('hv1');
  const child = spawn(
    process.execPath,
    [iovctlBin, '--coordinator', made.coordinator.address, '--json', 'ports', '--watch'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  t.teardown(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  t.is((await lines.next()).value, '[]');
  await made.central.nbctl('--wait=hv', ...switchWith('sw0', 'p1'));
  agent.plug('p1');
  for (;;) {
    const rows = JSON.parse((await lines.next()).value as string) as { up: boolean }[];
    if (rows[0]?.up) break;
  }
  child.kill('SIGINT');
  t.deepEqual(await once(child, 'exit'), [0, null]);
});

test.serial('a bug report has everything, says what it has, and no keys', async (t) => {
  const made = await scene(t);
  await network(made);
  await made.central.nbctl(
    'lsp-add',
    'sw0',
    '-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----',
  );
  const dir = mkdtempSync(join(tmpdir(), 'bugreport-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'report.tar.gz');
  const made1 = await iovctl(made.coordinator.address, 'bugreport', file);
  t.is(made1.code, 0, made1.stderr);
  t.is(statSync(file).mode & 0o777, 0o600);
  t.is((await iovctl(made.coordinator.address, 'bugreport', file)).code, 1, 'an earlier one is kept');
  await promisify(execFile)('tar', ['-xzf', file, '-C', dir]);
  const readme = readFileSync(join(dir, 'README.txt'), 'utf8');
  for (const name of ['status', 'nodes', 'ports', 'routers', 'problems', 'nodes/000']) {
    t.true(readme.includes(`  ${name}.json\n`), name);
    const text = readFileSync(join(dir, `${name}.json`), 'utf8');
    t.notThrows(() => JSON.parse(text), name);
    t.false(text.includes('SECRET'));
    t.false(readFileSync(join(dir, `${name}.txt`), 'utf8').includes('SECRET'));
  }
});

test.serial('shells complete commands, flags and names', async (t) => {
  const made = await scene(t);
  await made.central.nbctl('--wait=sb', ...switchWith('sw0', 'vm 1', "vm'2", hostile, 'other'));
  const complete = async (...words: string[]) => {
    const { stdout } = await iovctl(made.coordinator.address, '__complete', '--', ...words);
    return stdout.split('\n').filter(Boolean);
  };
  const [commands, names, values, files, none] = await Promise.all([
    complete('no'),
    complete('--coordinator', made.coordinator.address, 'port', 'v'),
    complete('log-level', 'coordinator', 'w'),
    complete('topology', 'apply', ''),
    complete('--coordinator', '127.0.0.1:1', 'port', 'v'),
  ]);
  t.deepEqual(
    commands.map((line) => line.split('\t')[0]),
    ['nodes', 'node'],
  );
  t.deepEqual(names, ['vm 1\t', "vm'2\t"]);
  t.deepEqual(values, ['warn\t']);
  t.deepEqual(files, ['\t']);
  t.deepEqual(none, []);
  const script = `source <(${process.execPath} ${iovctlBin} completion bash)
    COMP_WORDS=(iovctl port v); COMP_CWORD=2
    iovctl() { ${process.execPath} ${iovctlBin} --coordinator ${made.coordinator.address} "$@"; }
    _iovctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await promisify(execFile)('bash', ['-c', script]);
  t.is(stdout, "vm\\ 1\nvm\\'2\n");
});
