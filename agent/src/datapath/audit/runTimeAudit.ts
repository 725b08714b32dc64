import type { IovMapName } from '@iovisor-ovn/iomodules';
import type { BpfMap } from '@iovisor-ovn/libbpf';
import { CONFIG_MAPS } from '../entry.js';
import type { TimeSlice } from '../timeSlice.js';
import type { Difference } from './difference.js';

/** Maps that are not read to the end: a ring buffer cannot be, and the programs have their own slots (see auditPrograms). */
const NOT_READ: readonly IovMapName[] = ['iov_events', 'iov_programs'];

/**
 * The maps in which the data plane keeps what it counted, learned and metered: there is nothing that they must hold, so they are
 * only read, whole. What the kernel cannot give is a difference.
 */
export async function auditRunTime(
  maps: Readonly<Record<IovMapName, BpfMap>>,
  slice: TimeSlice,
): Promise<Difference[]> {
  const found: Difference[] = [];
  const configured: readonly string[] = CONFIG_MAPS;
  for (const [name, map] of Object.entries<BpfMap>(maps)) {
    if (configured.includes(name) || NOT_READ.includes(name as IovMapName)) continue;
    try {
      for (const _ of map.pages(1024)) if (slice.over) await slice.turn();
    } catch (error) {
      const { message } = error as Error;
      found.push({ kind: 'map', where: name, key: '', wanted: 'readable', found: message, unit: '' });
    }
  }
  return found;
}
