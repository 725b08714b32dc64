import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { UsageError } from './usageError.js';

/**
 * What must hold before anything is touched: root, libbpf, BPF, a BPF file system.
 * @throws UsageError in one line that says what to do
 */
export async function preflight(bpffs: string): Promise<void> {
  if (process.geteuid?.() !== 0) throw new UsageError('the agent needs root: it loads BPF programs');
  const { features, isBpffs } = await import('@iovisor-ovn/libbpf');
  const lacks = attempt(features);
  if (!lacks.redirectPeer || !lacks.batchOps) {
    throw new UsageError(
      'this kernel is too old: Linux 5.15 or newer is needed (bpf_redirect_peer, map batches)',
    );
  }
  const directory = nearest(bpffs);
  if (!isBpffs(directory)) {
    throw new UsageError(
      `--bpffs ${bpffs}: ${directory} is no BPF file system; mount one: mount -t bpf bpf ${mountPoint(bpffs)}`,
    );
  }
}

function attempt<T>(find: () => T): T {
  try {
    return find();
  } catch (error) {
    throw new UsageError(`BPF cannot be used: ${(error as Error).message.split('\n')[0]}`);
  }
}

/** The directory itself or the nearest parent that exists. */
function nearest(path: string): string {
  return existsSync(path) || path === '/' ? path : nearest(dirname(path));
}

function mountPoint(bpffs: string): string {
  return bpffs.startsWith('/sys/fs/bpf/') ? '/sys/fs/bpf' : bpffs;
}
