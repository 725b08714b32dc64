import { performance } from 'node:perf_hooks';
import type { Attachments } from '../attach/attachments.js';
import type { Claims } from '../claims.js';
import type { Compiler } from '../compiler.js';
import type { Loaded } from '../load.js';
import type { PinGuard } from '../pinGuard.js';
import { TimeSlice } from '../timeSlice.js';
import type { Writer } from '../write/writer.js';
import { auditAttachments } from './attachmentAudit.js';
import type { Difference } from './difference.js';
import { auditMaps, type EntryDifference } from './mapAudit.js';
import { auditPrograms } from './programAudit.js';
import { auditRunTime } from './runTimeAudit.js';

/** What an audit looks at; see Datapath.audit(). */
export interface AuditSources {
  /** Whether the maps follow a coordinator's intents. */
  synced: boolean;
  compiler: Compiler;
  claims: Claims;
  writer: Writer;
  attachments: Attachments;
  loaded: Loaded;
  pins: PinGuard;
  /** All devices of this network namespace. */
  devices: ReadonlySet<number>;
  nameOf(ifindex: number): string;
  /** Resolves when all that waits now to be compiled and written has been. */
  caughtUp(): Promise<void>;
  /** Writes what was touched. */
  flush(): Promise<void>;
}

export interface Audit {
  /** Why there is nothing to compare with; empty: it was compared. */
  error: string;
  differences: Difference[];
  /** Map entries compared. */
  entries: number;
  /** Pinned maps read. */
  maps: number;
  /** Devices asked. */
  attachments: number;
  unsettled: number;
  rounds: number;
  milliseconds: number;
  repaired: number;
}

const NOTHING_TO_COMPARE =
  'no coordinator has said all that this hypervisor must hold since the agent began; the data plane is as the last agent left it';

/** Compares the kernel with what a fresh start would make of it, in slices. */
export async function audit(sources: AuditSources, repair: boolean): Promise<Audit> {
  const started = performance.now();
  const result: Audit = {
    error: '',
    differences: [],
    entries: 0,
    maps: 0,
    attachments: 0,
    unsettled: 0,
    rounds: 0,
    milliseconds: 0,
    repaired: 0,
  };
  if (!sources.synced) return { ...result, error: NOTHING_TO_COMPARE };
  const slice = new TimeSlice();
  const maps = await auditMaps(sources, slice);
  const runTime = await auditRunTime(sources.loaded.maps, slice);
  const hooks = await auditAttachments(
    sources.attachments,
    { candidates: sources.devices, nameOf: sources.nameOf },
    slice,
  );
  const pins = sources.pins.differences();
  result.differences.push(
    ...maps.differences,
    ...runTime,
    ...auditPrograms(sources.loaded),
    ...hooks.differences,
    ...pins,
  );
  if (repair) {
    await repairEntries(sources, maps.differences, slice);
    sources.attachments.recheck(hooks.differences);
    await sources.attachments.settled();
    if (pins.length > 0) sources.pins.mend();
    result.repaired = maps.differences.length + hooks.differences.length + pins.length;
  }
  const { entries, unsettled, rounds } = maps;
  return {
    ...result,
    entries,
    unsettled,
    rounds,
    maps: sources.loaded.wantedPins().maps.size,
    attachments: hooks.devices,
    milliseconds: Math.round(performance.now() - started),
  };
}

/** What others wrote is written anew. What the live compiler had wrong stays on the list: that is a bug to be reported. */
async function repairEntries(
  { claims, writer, flush }: AuditSources,
  entries: readonly EntryDifference[],
  slice: TimeSlice,
): Promise<void> {
  for (const { map, keyText } of entries) {
    if (slice.over) await slice.turn();
    writer.mirrors.get(map)!.reread(keyText);
    claims.touch(map, keyText);
  }
  if (entries.length > 0) await flush();
}
