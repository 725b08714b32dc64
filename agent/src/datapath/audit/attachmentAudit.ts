import type { AttachmentDifference, Attachments } from '../attach/attachments.js';
import type { TimeSlice } from '../timeSlice.js';

export interface AttachmentAudit {
  differences: AttachmentDifference[];
  /** Devices asked. */
  devices: number;
}

/**
 * Asks the kernel what each device carries, and whether that outlives the agent: those that shall carry a program, and those that
 * carry one of ours and shall not.
 * @param candidates all devices there are
 * @param which only the latter: somebody else looks at those that shall carry one
 */
export async function auditAttachments(
  attachments: Attachments,
  candidates: ReadonlySet<number>,
  slice: TimeSlice,
  which: 'all' | 'unwanted' = 'all',
): Promise<AttachmentAudit> {
  const audit: AttachmentAudit = { differences: [], devices: 0 };
  for (const role of ['entry', 'uplink'] as const) {
    const asked = new Set<number>();
    for (const ifindex of attachments.askCarriers(role, candidates)) {
      if (ifindex !== undefined) asked.add(ifindex);
      if (slice.over) await slice.turn();
    }
    for (const ifindex of attachments.wanted(role)) {
      if (which === 'all') asked.add(ifindex);
      else asked.delete(ifindex);
    }
    audit.devices += asked.size;
    for (const ifindex of asked) {
      if (slice.over) await slice.turn();
      if (!candidates.has(ifindex)) continue;
      const difference = attachments.difference(role, ifindex);
      if (difference !== undefined) audit.differences.push(difference);
    }
  }
  return audit;
}
