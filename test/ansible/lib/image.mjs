// The root of a fresh Debian machine: made once with debootstrap, kept in a cache directory, never written to afterwards.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { command } from './command.mjs';

const release = 'bookworm';
const mirror = process.env.IOVISOR_TEST_DEBIAN_MIRROR ?? 'http://deb.debian.org/debian';

/** As an installer leaves a machine, with ssh and what Ansible needs there. */
const system = [
  ...['systemd', 'systemd-sysv', 'dbus', 'udev', 'openssh-server', 'python3', 'python3-apt'],
  ...['iproute2', 'iputils-ping', 'procps', 'ethtool'],
];
/** What a hypervisor and a central machine of an OVN site have before us. */
const site = ['openvswitch-switch', 'ovn-host', 'ovn-central', 'libbpf1'];

export const cache = process.env.IOVISOR_TEST_CACHE ?? '/var/cache/iovisor-ovn-test';

/** The directory of the image; makes it where it is missing, which takes a minute or two. */
export async function debianImage(say) {
  const recipe = JSON.stringify([release, mirror, system, site, 2]);
  const name = `debian-${createHash('sha256').update(recipe).digest('hex').slice(0, 12)}`;
  const directory = join(cache, name);
  if (existsSync(directory)) return directory;
  mkdirSync(cache, { recursive: true });
  for (const old of readdirSync(cache)) {
    if (old.startsWith('debian-')) rmSync(join(cache, old), { recursive: true });
  }
  say(`making the image of a Debian machine in ${directory}`);
  const making = `${directory}.making`;
  try {
    await make(making);
    renameSync(making, directory);
  } catch (error) {
    rmSync(making, { recursive: true, force: true });
    throw error;
  }
  return directory;
}

async function make(root) {
  await command(['debootstrap', '--variant=minbase', `--include=${system.join(',')}`, release, root, mirror]);
  copyFileSync('/etc/resolv.conf', join(root, 'etc/resolv.conf'));
  const policy = join(root, 'usr/sbin/policy-rc.d');
  writeFileSync(policy, '#!/bin/sh\nexit 101\n');
  chmodSync(policy, 0o755);
  const apt = ['apt-get', 'install', '-y', '--no-install-recommends', ...site];
  await command(['chroot', root, 'env', 'DEBIAN_FRONTEND=noninteractive', ...apt]);
  rmSync(policy);
  await command(['chroot', root, 'apt-get', 'clean']);
  rmSync(join(root, 'etc/resolv.conf'));
  // Every machine gets its own; those of the stock OVN are enabled where a machine has that part.
  for (const made of ['etc/machine-id', 'etc/openvswitch/system-id.conf', 'etc/openvswitch/conf.db'])
    rmSync(join(root, made), { force: true });
  writeFileSync(join(root, 'etc/machine-id'), '');
  const wants = join(root, 'etc/systemd/system/multi-user.target.wants');
  for (const unit of ['ovn-host.service', 'ovn-central.service', 'e2scrub_reap.service'])
    rmSync(join(wants, unit), { force: true });
  for (const timer of ['apt-daily', 'apt-daily-upgrade', 'dpkg-db-backup', 'e2scrub_all', 'fstrim'])
    symlinkSync('/dev/null', join(root, `etc/systemd/system/${timer}.timer`));
  symlinkSync('/lib/systemd/system/systemd-networkd.service', join(wants, 'systemd-networkd.service'));
}
