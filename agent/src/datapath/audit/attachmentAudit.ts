import type { Attachments } from '../attach/attachments.js';
import type { Role } from '../attach/hook.js';
import type { TimeSlice } from '../timeSlice.js';
import type { Difference } from './difference.js';

/** What attachmentAudit asks for names. */
export type DeviceName = (ifindex: number) => string;

export interface AttachmentAudit {
  differences: (Difference & { role: Role; ifindex: number })[];
  /** Devices asked. */
  devices: number;
}

/**
 * Asks the kernel what each device carries, and whether that outlives the agent: those that shall carry a program, and those that
 * carry one of ours and shall not.
 * @param candidates all devices there are
 */
export async function auditAttachments(
  attachments: Attachments,
  { candidates, nameOf }: { candidates: ReadonlySet<number>; nameOf: DeviceName },
  slice: TimeSlice,
): Promise<AttachmentAudit> {
  const audit: AttachmentAudit = { differences: [], devices: 0 };
  for (const role of ['entry', 'uplink'] as const) {
    const asked = new Set([...attachments.wanted(role), ...attachments.carriers(role, candidates)]);
    audit.devices += asked.size;
    for (const ifindex of asked) {
      if (slice.over) await slice.turn();
      const state = attachments.inspect(role, ifindex);
      // Under way, or gone: there is nothing wrong with it.
      if (state === undefined || !candidates.has(ifindex)) continue;
      const device = { where: nameOf(ifindex), unit: '', role, ifindex };
      if (state.wanted !== state.found)
        audit.differences.push({
          ...device,
          kind: 'attachment',
          key: `${role} program`,
          wanted: programText(state.wanted),
          found: programText(state.found),
        });
      else if (!state.intact)
        audit.differences.push({ ...device, kind: 'pin', key: `${role} link`, wanted: 'pinned', found: '' });
    }
  }
  return audit;
}

function programText(id: number | undefined): string {
  return id === undefined ? '' : `program ${id}`;
}
