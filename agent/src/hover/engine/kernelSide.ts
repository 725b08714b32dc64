import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { hoverFiles } from '@iovisor-ovn/iomodules';
import { type BpfMap, BpfObject } from '@iovisor-ovn/libbpf';
import { u32 } from './edges.js';
import type { DevicePair } from './internalDevice.js';

/** Slot of the program that floods and tells the controller. */
const CONTROLLER = 1023;

/** The loaded hover.bpf.c. Its maps are pinned, so that modules go on when the agent is killed. */
export class KernelSide {
  readonly object: BpfObject;

  private constructor(object: BpfObject) {
    this.object = object;
  }

  /** @param dir where to pin; made if missing, and empty of maps */
  static async load(dir: string): Promise<KernelSide> {
    const object = BpfObject.open(hoverFiles.object);
    try {
      await object.loadAsync();
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      for (const [name, map] of object.maps) if (name.startsWith('hover_')) map.pin(join(dir, name));
      object.map('hover_modules').updateFd(u32(CONTROLLER), object.program('hover_controller'));
      return new KernelSide(object);
    } catch (error) {
      object.close();
      throw error;
    }
  }

  /** Where copies for other modules, and packets of controllers, start. */
  use({ out, in: incoming }: DevicePair): void {
    this.map('hover_settings').update(u32(0), u32(out, incoming));
  }

  map(name: `hover_${string}`): BpfMap {
    return this.object.map(name);
  }

  /** Packets dropped since the load, by reason: `unlinked_port`, … */
  drops(): Map<string, bigint> {
    const counters = this.map('hover_drops');
    const drops = new Map<string, bigint>();
    for (const [name, reason] of this.object.btf.enumValues('hover_drop')) {
      const values = name === 'HOVER_DROP_REASONS' ? undefined : counters.lookupPerCpu(u32(reason));
      if (values === undefined) continue;
      const sum = values.reduce((total, value) => total + value.readBigUInt64LE(), 0n);
      drops.set(name.replace('HOVER_DROP_', '').toLowerCase(), sum);
    }
    return drops;
  }
}
