import { existsSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { command } from './command.js';
import type { Registry } from './registry.js';

const mountPoint = '/sys/fs/bpf';
/** statfs(2) f_type of a BPF file system. */
const BPF_FS_MAGIC = 0xcafe4a11;

/** The directory for one agent's pins, noted for removal. Mounts /sys/fs/bpf when no init system has done it. */
export async function bpffsDirectory(name: string, registry: Registry): Promise<string> {
  if (!existsSync(mountPoint)) throw new Error(`${mountPoint} is missing: this kernel has no BPF`);
  if (statfsSync(mountPoint).type !== BPF_FS_MAGIC) await command(['mount', '-t', 'bpf', 'bpf', mountPoint]);
  const path = join(mountPoint, `iovisor-${name}`);
  registry.note({ kind: 'bpffs', path });
  return path;
}
