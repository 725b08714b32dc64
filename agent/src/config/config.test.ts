import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { isExposed, makeConfig } from './config.js';
import { readOptions } from './readOptions.js';

const AGENT = fileURLToPath(new URL('../../bin/iovisor-agent.js', import.meta.url));

function run(args: string[], env: NodeJS.ProcessEnv = {}) {
  const { status, stderr, stdout } = spawnSync(process.execPath, [AGENT, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 20_000,
  });
  return { status, lines: stderr.split('\n').filter((line) => line !== ''), stdout };
}

function temporary(t: { teardown(f: () => void): void }, name: string, content: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'agent-config-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

test('mistakes end the agent with status 2 and one line that names the option', (t) => {
  const yaml = temporary(t, 'a.yaml', 'ovsdbb: unix:/x\n');
  const broken = temporary(t, 'b.yaml', 'ovsdb: [\n');
  const cases: [args: string[], env: NodeJS.ProcessEnv, wanted: RegExp][] = [
    [['--no-such-flag'], {}, /--no-such-flag/],
    [['surplus'], {}, /too many arguments/],
    [['--ovsdb'], {}, /--ovsdb/],
    [['--ovsdb', 'udp:1.2.3.4:5'], {}, /--ovsdb/],
    [[], { IOVISOR_OVSDB: 'nonsense' }, /--ovsdb/],
    [['--coordinator', 'host'], {}, /--coordinator.*HOST:PORT/],
    [['--bpffs', 'relative'], {}, /--bpffs.*absolute/],
    [['--bpffs', '/tmp/none'], {}, /--bpffs.*no BPF file system/],
    [['--hook', 'xdp'], {}, /--hook.*tcx/],
    [['--hover', '0.0.0.0:5002'], {}, /--hover: 0\.0\.0\.0:5002.*--hover-client-ca/],
    [['--hover', '192.0.2.1:5002', '--hover-client-ca', '/etc/hostname'], {}, /--hover.*--tls-cert/],
    [['--hover-client-ca', '/none'], {}, /--hover-client-ca.*\/none/],
    [['--log-level', 'loud'], {}, /--log-level/],
    [['--tls-cert', '/etc/hostname'], {}, /--tls-key is missing/],
    [
      ['--coordinator', '127.0.0.1:1,192.0.2.1:6650'],
      {},
      /--coordinator: 192\.0\.2\.1:6650 .*--insecure-plaintext/,
    ],
    [['--health', '0.0.0.0:1'], {}, /--health: 0\.0\.0\.0:1 .*--insecure-plaintext/],
    [['--metrics', '[::]:1'], {}, /--metrics: \[::\]:1 .*--insecure-metrics-plaintext/],
    [['--metrics', '192.0.2.1:1', '--insecure-plaintext'], {}, /--metrics: .*--insecure-metrics-plaintext/],
    [['--tls-cert', '/none', '--tls-key', '/none', '--tls-ca', '/none'], {}, /--tls-cert.*\/none/],
    [['--config', '/none.yaml'], {}, /--config \/none\.yaml/],
    [['--config', yaml], {}, /unknown key "ovsdbb"/],
    [['--config', broken], {}, /--config/],
    [[], { IOVISOR_INSECURE_PLAINTEXT: 'maybe' }, /true or false/],
  ];
  for (const [args, env, wanted] of cases) {
    const { status, lines } = run(args, env);
    t.is(status, 2, `${args.join(' ')}: ${lines.join()}`);
    t.is(lines.length, 1, lines.join('\n'));
    t.regex(lines[0]!, wanted);
  }
});

test('not root: one line, before anything is touched', (t) => {
  const { status, stderr } = spawnSync(
    'setpriv',
    ['--reuid', '65534', '--clear-groups', process.execPath, AGENT],
    { encoding: 'utf8' },
  );
  t.is(status, 2);
  t.regex(stderr, /^iovisor-agent: the agent needs root.*\n$/);
});

test('help and version', (t) => {
  t.is(run(['--help']).status, 0);
  t.regex(run(['--help']).stdout, /--coordinator.*IOVISOR_COORDINATOR|IOVISOR_COORDINATOR/s);
  t.regex(run(['--version']).stdout, /^\d+\.\d+\.\d+\n$/);
});

test('flags before environment before file before defaults', (t) => {
  const path = temporary(
    t,
    'c.yaml',
    'log-level: debug\nhook: clsact\ninsecure-plaintext: true\ncoordinator: [192.0.2.1:1, "unix:/c"]\n',
  );
  const env = { IOVISOR_HOOK: 'tcx', IOVISOR_CONFIG: path };
  const config = makeConfig(readOptions(['--log-level', 'warn'], env, '0'));
  t.is(config.logLevel, 'warn');
  t.is(config.hook, 'tcx');
  t.true(config.insecurePlaintext);
  t.deepEqual(config.coordinator, [
    { kind: 'tcp', host: '192.0.2.1', port: 1 },
    { kind: 'unix', path: '/c' },
  ]);
  t.is(config.ovsdb, 'unix:/var/run/openvswitch/db.sock');
  t.is(config.bpffs, '/sys/fs/bpf/iovisor');
  t.deepEqual(config.hover, { kind: 'tcp', host: '127.0.0.1', port: 5002 });
  t.is(config.metrics, undefined);
});

test('without TLS no coordinator on another machine is spoken with, unless that is said to be wanted', (t) => {
  const read = (...args: string[]) => makeConfig(readOptions(args, {}, '0'));
  const far = { kind: 'tcp', host: '192.0.2.1', port: 1 } as const;
  t.true(isExposed(far, read()));
  t.false(isExposed(far, read('--insecure-plaintext')));
  t.false(isExposed({ kind: 'tcp', host: '127.0.0.1', port: 1 }, read()));
  t.false(isExposed({ kind: 'unix', path: '/c' }, read()));
  const open = ['--coordinator', '192.0.2.1:1', '--health', '0.0.0.0:1', '--metrics', '0.0.0.0:2'];
  t.notThrows(() => read(...open, '--insecure-plaintext', '--insecure-metrics-plaintext'));
});

test('each bpffs directory has its own health socket, so that several agents start without more flags', (t) => {
  const health = (...args: string[]) => makeConfig(readOptions(args, {}, '0')).health;
  t.deepEqual(health(), { kind: 'unix', path: '/run/iovisor/agent.sock' });
  t.deepEqual(health('--bpffs', '/sys/fs/bpf/hv/2'), { kind: 'unix', path: '/run/iovisor/agent-hv-2.sock' });
  t.is(health('--health', 'none'), undefined);
});
