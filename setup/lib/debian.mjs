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
  ...['iproute2', 'iputils-ping', 'tcpdump', 'ethtool', 'procps', 'util-linux', 'python3', 'openssl'],
];

const apt = ['apt-get', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=2'];
const advice =
  'check the network and /etc/apt/sources.list, then run the same command again; it goes on where it stopped.';

/** Installs the packages that are missing, and only those. */
export async function installDebianPackages(doing) {
  const missing = missingPackages();
  if (missing.length === 0) return `${needed.length} present`;
  doing('reading package lists');
  await update();
  doing(`installing ${missing.length}: ${missing.join(' ')}`);
  const restore = forbidServices();
  try {
    await run([...apt, 'install', '-y', '--no-install-recommends', ...missing], {
      log: 'apt',
      advice,
      env: { DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_MODE: 'l', LC_ALL: 'C.UTF-8' },
    });
  } finally {
    restore();
  }
  const still = missingPackages();
  if (still.length > 0) throw new SetupError(`still missing after installation: ${still.join(' ')}`, advice);
  return `${missing.length} installed, no service started`;
}

function missingPackages() {
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
    return needed.filter((name) => !present.has(name));
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
