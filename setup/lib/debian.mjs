// Debian packages: what is missing, and how to install it without starting a single service.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { SetupError } from './progress.mjs';
import { run } from './run.mjs';

/** What building, running and testing needs, by what needs it. */
const needed = [
  ...['clang', 'libbpf-dev', 'libbpf1', 'linux-libc-dev'], // compiling and loading IOModules
  ...['ovn-central', 'ovn-common', 'openvswitch-common', 'openvswitch-switch'], // databases, northd, their command lines
  'ovn-host', // stock ovn-controller: what we compare ourselves with
  // The lab: namespaces, pings, captures, raw frames, certificates.
  ...[
    'iproute2',
    'iputils-ping',
    'iputils-tracepath',
    'tcpdump',
    'ethtool',
    'procps',
    'util-linux',
    'python3',
    'openssl',
  ],
];

/** What some tests need, which skip themselves without it. */
const optional = [
  'qemu-system-x86', // booting Debian's own kernel
  'tshark', // reading our tunnel packets
  ...['ansible-core', 'ansible-lint'], // the playbooks: 27 MB to fetch, 16 s of a processor to install
];

const apt = ['apt-get', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=2'];
const advice =
  'check the network and /etc/apt/sources.list, then run the same command again; it goes on where it stopped.';

/** Installs the packages that are missing, and only those. Optional ones are no error when they cannot be had. */
export async function installDebianPackages(doing) {
  const missing = missingPackages(needed);
  const extra = missingPackages(optional);
  if (missing.length + extra.length === 0) return `${needed.length + optional.length} present`;
  doing('reading package lists');
  await (missing.length > 0 ? update() : update().catch(() => undefined));
  if (missing.length > 0) {
    doing(`installing ${missing.length}: ${missing.join(' ')}`);
    await install(missing);
    const still = missingPackages(needed);
    if (still.length > 0)
      throw new SetupError(`still missing after installation: ${still.join(' ')}`, advice);
  }
  if (extra.length > 0) {
    doing(`installing, for some tests: ${extra.join(' ')}`);
    await install(extra).catch(() => undefined);
  }
  const without = missingPackages(optional);
  const installed = missing.length + extra.length - without.length;
  const skipping = without.length > 0 ? `; tests that need ${without.join(', ')} will be skipped` : '';
  return `${installed} installed, no service started${skipping}`;
}

/** Installs further packages, for what only some people run. */
export async function ensureDebianPackages(names, doing) {
  const missing = missingPackages(names);
  if (missing.length === 0) return `${names.length} present`;
  doing('reading package lists');
  await update();
  doing(`installing ${missing.join(' ')}`);
  await install(missing);
  const still = missingPackages(names);
  if (still.length > 0) throw new SetupError(`still missing after installation: ${still.join(' ')}`, advice);
  return `${missing.length} installed, no service started`;
}

async function install(packages) {
  const restore = forbidServices();
  try {
    await run([...apt, 'install', '-y', '--no-install-recommends', ...packages], {
      log: 'apt',
      advice,
      env: { DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_MODE: 'l', LC_ALL: 'C.UTF-8' },
    });
  } finally {
    restore();
  }
}

function missingPackages(names) {
  try {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own syntax
    const format = ['-W', '-f', '${db:Status-Status} ${Package}\\n'];
    const listed = execFileSync('dpkg-query', format, { encoding: 'utf8', maxBuffer: 64 << 20 });
    const present = new Set(
      listed
        .split('\n')
        .filter((l) => l.startsWith('installed '))
        .map((l) => l.slice(10)),
    );
    return names.filter((name) => !present.has(name));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    throw new SetupError(
      'this is not a Debian system: there is no dpkg-query',
      `use Debian 12 or later, or Ubuntu 22.04 or later; the packages needed are ${needed.join(' ')}.`,
    );
  }
}

async function update() {
  const once = () => run([...apt, 'update'], { log: 'apt', advice });
  await once().catch(once);
}

const policy = '/usr/sbin/policy-rc.d';
const saved = `${policy}.before-iovisor`;
const mark = '# Written by the IOVisor-OVN set-up for the time of one apt-get; to be removed.';

/**
 * We run our own private servers: no package may start or restart one, and a service already running stays as it is.
 * Returns what undoes it; also undone when we are interrupted, or by the next run after a crash.
 */
function forbidServices() {
  const restore = () => {
    if (existsSync(policy) && readFileSync(policy, 'utf8').includes(mark)) rmSync(policy);
    if (existsSync(saved)) renameSync(saved, policy);
  };
  restore();
  if (existsSync(policy)) renameSync(policy, saved);
  writeFileSync(policy, `#!/bin/sh\n${mark}\nexit 101\n`);
  chmodSync(policy, 0o755);
  const interrupted = () => {
    restore();
    process.exit(130);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  return () => {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    restore();
  };
}
