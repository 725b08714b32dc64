import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { dropReasons } from '@iovisor-ovn/iomodules';
import { BpfMap } from '@iovisor-ovn/libbpf';
import type { Hypervisor } from '../lab/index.js';

/** The IOModules' drop counters of some hypervisors, read from the pinned maps. */
export class DropCounters {
  private constructor(private readonly maps: readonly BpfMap[]) {}

  static open(hypervisors: readonly Hypervisor[]): DropCounters {
    return new DropCounters(hypervisors.map(({ bpffs }) => BpfMap.openPinned(pinOf(bpffs))));
  }

  /** Packets dropped so far, by reason; those without any are left out. */
  read(): Map<string, bigint> {
    const counts = new Map<string, bigint>();
    for (const { name, value } of dropReasons) {
      const key = Buffer.alloc(4);
      key.writeUInt32LE(value);
      const cpus = this.maps.flatMap((map) => map.lookupPerCpu(key) ?? []);
      const sum = cpus.reduce((total, cpu) => total + cpu.readBigUInt64LE(), 0n);
      if (sum > 0n) counts.set(name, sum);
    }
    return counts;
  }

  close(): void {
    for (const map of this.maps) map.close();
  }
}

/** BPFFS/v<abi>/maps/iov_drops */
function pinOf(bpffs: string): string {
  const abi = readdirSync(bpffs).find((name) => /^v\d+$/.test(name));
  if (abi === undefined) throw new Error(`${bpffs} has no v<abi> directory: the agent has pinned nothing`);
  return join(bpffs, abi, 'maps', 'iov_drops');
}
