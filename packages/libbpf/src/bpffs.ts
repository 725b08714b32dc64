import { mkdirSync, statfsSync } from 'node:fs';
import koffi from 'koffi';
import { BpfError } from './errors.js';

/** BPF_FS_MAGIC of linux/magic.h. */
const BPF_FS_MAGIC = 0xcafe4a11;

/** Whether a path exists and lies on a BPF file system, where programs, maps and links can be pinned. */
export function isBpffs(path: string): boolean {
  try {
    return statfsSync(path).type === BPF_FS_MAGIC;
  } catch {
    return false;
  }
}

/** Mounts a BPF file system on a directory, made if it is missing; does nothing if it is one. @throws BpfError */
export function mountBpffs(path: string): void {
  if (isBpffs(path)) return;
  mkdirSync(path, { recursive: true });
  const mount = koffi
    .load('libc.so.6')
    .func(
      'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
    );
  if (mount('bpf', path, 'bpf', 0, 'mode=0700') < 0)
    throw new BpfError('mount bpffs on', path, koffi.errno());
}
