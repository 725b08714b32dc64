import { performance } from 'node:perf_hooks';
import type { Attachments } from '../attach/attachments.js';
import type { Claims } from '../claims.js';
import type { Compiler } from '../compiler.js';
import type { ConfigMap } from '../entry.js';
import type { Loaded } from '../load.js';
import type { PinGuard } from '../pinGuard.js';
import { TimeSlice } from '../timeSlice.js';
import type { Writer } from '../write/writer.js';
import { auditAttachments } from './attachmentAudit.js';
import type { Damages } from './damages.js';
import type { Difference } from './difference.js';
import { auditMaps, compare, type EntryDifference } from './mapAudit.js';
import { auditPrograms, repairPrograms } from './programAudit.js';
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
  damages: Damages;
  /** All devices of this network namespace. */
  devices: ReadonlySet<number>;
  /** Resolves when all that waits now to be compiled and written has been. */
  caughtUp(): Promise<void>;
  /** Writes what was touched. */
  flush(): Promise<void>;
}

export interface AuditOptions {
  /** What differs is put right, as far as it can be. */
  repair: boolean;
  /**
   * See auditMaps(). With the live ones, what the data plane itself keeps in maps is not read, and devices that shall carry a
   * program are not asked, either.
   */
  against: 'fresh' | 'live';
  slice?: TimeSlice;
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

/** Compares the kernel with what shall be there, in slices. */
export async function audit(
  sources: AuditSources,
  { repair, against, slice = new TimeSlice() }: AuditOptions,
): Promise<Audit> {
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
  const { loaded, attachments, damages } = sources;
  const maps = await auditMaps({ ...sources, against }, slice);
  const runTime = against === 'live' ? [] : await auditRunTime(loaded.maps, slice);
  const hooks = await auditAttachments(
    attachments,
    sources.devices,
    slice,
    against === 'live' ? 'unwanted' : 'all',
  );
  const slots = auditPrograms(loaded);
  const pins = sources.pins.differences();
  // Too many, perhaps, to be passed as arguments.
  result.differences = [maps.differences, runTime, slots, hooks.differences, pins].flat();
  if (maps.unsettled === 0) damages.seen(['map', 'program'], result.differences);
  if (repair) {
    result.repaired += await repairEntries(sources, maps.differences, slice);
    attachments.mend(hooks.differences);
    if (against === 'fresh') await attachments.settled();
    result.repaired += hooks.differences.filter((difference) => !damages.has(difference)).length;
    result.repaired += repairPrograms(loaded, slots, damages);
    result.repaired += sources.pins.mend();
  }
  const { entries, unsettled, rounds } = maps;
  return {
    ...result,
    entries,
    unsettled,
    rounds,
    maps: loaded.wantedPins().maps.size,
    attachments: hooks.devices,
    milliseconds: Math.round(performance.now() - started),
  };
}

/**
 * What others wrote is written anew. What the live compiler had wrong stays on the list: that is a bug to be reported.
 * @returns how many entries are right again
 */
async function repairEntries(
  { claims, writer, damages, flush }: AuditSources,
  entries: readonly EntryDifference[],
  slice: TimeSlice,
): Promise<number> {
  const damaged: EntryDifference[] = [];
  for (const entry of entries) {
    if (slice.over) await slice.turn();
    // A write that the kernel refused is no damage, unless it began as one: it is tried again by itself, and told of with its resource.
    if (entry.refused && !damages.has(entry)) continue;
    if (compare(writer, claims, at(entry)) === undefined) continue;
    damages.found(entry);
    damaged.push(entry);
  }
  let left = damaged;
  // An intent may have changed one after it was written.
  for (let tries = 0; left.length > 0 && tries < 2; tries++) {
    for (const { map, keyText } of left) {
      if (slice.over) await slice.turn();
      writer.mirrors.get(map)!.reread(keyText);
      claims.touch(map, keyText);
    }
    await slice.away(flush());
    left = await stillDamaged({ claims, writer, damages }, left, slice);
  }
  for (const entry of left) {
    const failure = writer.failureAt(entry.map, entry.keyText);
    damages.failed(entry, failure?.message ?? 'it is changed again and again');
  }
  return damaged.length - left.length;
}

/** Tells of those that are right now. @returns the others */
async function stillDamaged(
  { claims, writer, damages }: Pick<AuditSources, 'claims' | 'writer' | 'damages'>,
  entries: readonly EntryDifference[],
  slice: TimeSlice,
): Promise<EntryDifference[]> {
  const left: EntryDifference[] = [];
  for (const entry of entries) {
    if (slice.over) await slice.turn();
    if (compare(writer, claims, at(entry)) !== undefined) left.push(entry);
    else damages.repaired(entry);
  }
  return left;
}

function at({ map, keyText }: EntryDifference): { map: ConfigMap; key: string } {
  return { map, key: keyText };
}
