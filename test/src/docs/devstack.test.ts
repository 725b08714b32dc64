import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { checkout } from '../lab/index.js';

const plugin = join(checkout, 'devstack/plugin.sh');
const settings = join(checkout, 'devstack/settings');

/** DevStack's functions that the plugin calls, each of which writes down its call. */
const stubs = `
set -e
DEST=/opt/stack SERVICE_HOST=192.0.2.1 SYSTEMCTL=systemctl
OVN_NB_REMOTE=tcp:192.0.2.1:6641 OVN_SB_REMOTE=tcp:192.0.2.1:6642
IOVISOR_OVN_NODE=${process.execPath}
function is_service_enabled { local s; for s in "$@"; do [[ ",$ENABLED_SERVICES," == *",$s,"* ]] && return 0; done; return 1; }
function enable_service { ENABLED_SERVICES+=",$1"; }
function die { echo "die \${*:2}"; exit 1; }
function echo_summary { :; }
function run_process { echo "run_process $1|$2|$3|$4"; }
function stop_process { echo "stop_process $1"; }
function systemctl { echo "systemctl $*"; }
function sudo {
  case "$1" in
    mkdir|tee|rm) "$@" ;;
    *) echo "sudo $*" ;;
  esac
}
`;

/** What the plugin does on a node with these services, phase by phase. */
function run(services: string, phases: string[], extra = ''): { lines: string[]; dropins: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'devstack-'));
  try {
    const script = [
      stubs,
      `SYSTEMD_DIR=${folder} ENABLED_SERVICES=${services}`,
      extra,
      `source ${settings}`,
      ...phases.map((phase) => `source ${plugin} ${phase}`),
      `cd ${folder}; find . -name '*.conf' | sort | sed 's/^/dropin /'`,
    ].join('\n');
    const lines = execFileSync('bash', ['-c', `(${script}\n) 2>&1 || true`], { encoding: 'utf8' })
      .trim()
      .split('\n');
    return {
      lines: lines.filter((line) => !line.startsWith('dropin ')),
      dropins: lines.filter((line) => line.startsWith('dropin ')),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const stack = ['stack pre-install', 'stack install', 'stack post-config'];
const controller = 'ovn-northd,ovn-controller';

test('the DevStack plugin is bash', (t) => {
  for (const file of [plugin, settings]) t.notThrows(() => execFileSync('bash', ['-n', file]));
});

const hasShellcheck = existsSync('/usr/bin/shellcheck');
(hasShellcheck ? test : test.skip)('shellcheck has nothing to say (skipped without shellcheck)', (t) => {
  const maintainer = join(checkout, 'packaging/debian');
  const scripts = readdirSync(maintainer, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\/((pre|post)(inst|rm)|end-other-data-plane)$/.test(file))
    .map((file) => join(maintainer, file));
  t.true(scripts.length > 5);
  for (const argv of [['-s', 'bash', plugin, settings], scripts])
    t.notThrows(() => execFileSync('shellcheck', argv, { encoding: 'utf8', stdio: 'pipe' }));
});

test('stack on a controller: our daemons run, those of stock OVN are skipped', (t) => {
  const { lines, dropins } = run(controller, stack);
  const started = lines.filter((line) => line.startsWith('run_process'));
  t.is(started.length, 2, lines.join('\n'));
  t.regex(started[0]!, /iovisor-agent\|.*bin\/iovisor-agent\.js --coordinator 192\.0\.2\.1:6650 .*\|\|root$/);
  t.regex(
    started[1]!,
    /iovisor-coordinator\|.*--nb tcp:192\.0\.2\.1:6641 --sb tcp:192\.0\.2\.1:6642 --listen 192\.0\.2\.1:6650/,
  );
  for (const unit of ['ovs-vswitchd', 'ovn-controller']) {
    t.true(lines.includes(`systemctl stop ${unit}.service`));
    t.true(dropins.some((line) => line.includes(`${unit}.service.d/`)));
  }
  t.false(lines.some((line) => /(stop|disable|mask).*ovsdb-server/.test(line)));
});

test('stack on a compute node starts no coordinator, on a node without OVN nothing', (t) => {
  const compute = run('ovn-controller', stack).lines.filter((line) => line.startsWith('run_process'));
  t.is(compute.length, 1);
  t.regex(compute[0]!, /iovisor-agent/);
  t.deepEqual(run('n-api', [...stack, 'unstack', 'clean']).lines.filter(Boolean), []);
});

test('unstack and clean take everything back', (t) => {
  const { lines, dropins } = run(controller, [...stack, 'unstack', 'clean']);
  t.deepEqual(dropins, []);
  const order = ['stop_process iovisor-agent', '--cleanup'].map((text) =>
    lines.findIndex((line) => line.includes(text)),
  );
  t.true(order[0]! >= 0 && order[1]! > order[0]!, lines.join('\n'));
  t.true(lines.includes('stop_process iovisor-coordinator'));
});

test('what cannot work is refused before anything is installed', (t) => {
  const cases: [string, string][] = [
    ['OVN_BUILD_FROM_SOURCE=True', 'OVN_BUILD_FROM_SOURCE'],
    ['enable_service ovn-controller-vtep', 'vtep'],
    ['IOVISOR_OVN_NODE=/bin/false', 'Node 20.19'],
  ];
  for (const [extra, reason] of cases) {
    const { lines } = run(controller, stack, extra);
    t.is(lines.length, 1, lines.join('\n'));
    t.true(lines[0]!.startsWith('die ') && lines[0]!.includes(reason), lines[0]);
  }
});

test('options that the plugin gives are those of the programs', (t) => {
  const { lines } = run(controller, stack, 'IOVISOR_OVN_TLS_DIR=/etc/iovisor');
  const plain = run(controller, stack).lines;
  const reference = readFileSync(join(checkout, 'docs/reference.md'), 'utf8');
  const flags = [...lines, ...plain]
    .filter((line) => line.startsWith('run_process'))
    .flatMap((line) => line.match(/ --[a-z-]+/g) ?? []);
  t.true(flags.length > 10);
  for (const flag of flags) t.regex(reference, new RegExp(`\`${flag.trim()}[ \`]`));
});
