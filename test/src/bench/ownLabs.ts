import { Registry } from '../lab/index.js';

/** Removes every lab of this process, also one that was still being built when it was interrupted. */
export async function removeOwnLabs(): Promise<void> {
  for (const registry of Registry.all()) {
    const ours = registry.traces().some((trace) => trace.kind === 'owner' && trace.pid === process.pid);
    if (ours) await registry.clean();
  }
}
