import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CpioEntry, cpio } from './cpio.js';
import { debianPackage } from './debianPackage.js';
import { type Kernel, kernelModules } from './kernel.js';

/** To reach the machine's files over virtio and 9p. */
const rootModules = ['virtio_pci', '9pnet_virtio', '9p', 'overlay'];

/**
 * What the kernel starts: inserts its modules, takes this machine's root over 9p, read-only, with a tmpfs above it that takes
 * the guest's writes (to /tmp too: the checkout may be there), and leaves the second serial line to a shell. A panic or the shell's end ends qemu.
 */
const init = `#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
for m in /modules/*; do $b insmod $m || echo "init: no $m"; done
$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro root /lower
$b mount -t tmpfs tmpfs /upper
$b mkdir /upper/files /upper/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work root /root
cd /root
$b mount --move /dev dev
$b mount --move /proc proc
$b mount -t sysfs sys sys
$b mount -t bpf bpf sys/fs/bpf
$b mount -t debugfs debug sys/kernel/debug
$b mount -t tmpfs tmpfs run
$b mkdir -p dev/pts dev/shm
$b mount -t devpts pts dev/pts
$b mount -t tmpfs tmpfs dev/shm
$b ip link set lo up
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
$b stty -F dev/ttyS1 raw -echo
exec $b switch_root /root /bin/sh -c 'exec </dev/null >/dev/ttyS1 2>&1; echo @@ready@@; exec /bin/sh /dev/ttyS1'
`;

/** The first root file system of a guest, with `modules` and what they depend on inserted in this order. */
export async function initramfs(kernel: Kernel, modules: readonly string[]): Promise<Buffer> {
  const busybox = join(await debianPackage('busybox-static'), 'bin/busybox');
  const directories = ['bin', 'dev', 'proc', 'modules', 'lower', 'upper', 'root'];
  const inserted = kernelModules(kernel, [...rootModules, ...modules]).map(({ name, data }, index) => ({
    path: `modules/${String(index).padStart(3, '0')}-${name}`,
    data,
  }));
  return cpio([
    ...directories.map((path): CpioEntry => ({ path })),
    { path: 'bin/busybox', data: readFileSync(busybox) },
    { path: 'init', data: Buffer.from(init) },
    ...inserted,
  ]);
}
