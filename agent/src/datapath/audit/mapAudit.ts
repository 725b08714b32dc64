import { Claims, mapKeyText } from '../claims.js';
import type { Compiler } from '../compiler.js';
import { CONFIG_MAPS, type ConfigMap, keyBuffer } from '../entry.js';
import type { TimeSlice } from '../timeSlice.js';
import type { Writer } from '../write/writer.js';
import type { Difference } from './difference.js';
import { keyForPeople, valuesForPeople } from './entryText.js';

/** How often what changes while it is looked at is looked at again. */
const MAX_ROUNDS = 8;

export interface MapAuditSources {
  /** The live ones; nothing of them is changed. */
  claims: Claims;
  compiler: Compiler;
  writer: Writer;
  /** What the maps are compared with: what a fresh compiler makes of the resources, or what the live one has made. */
  against: 'fresh' | 'live';
  /** Resolves when all that waits now to be compiled and written has been. */
  caughtUp(): Promise<void>;
}

/** An entry that is not as it should be. */
export interface EntryDifference extends Difference {
  map: ConfigMap;
  /** keyText() of the key. */
  keyText: string;
  /** The kernel did not take what is wanted. */
  refused: boolean;
}

export interface MapAudit {
  differences: EntryDifference[];
  /** Entries compared. */
  entries: number;
  /** Entries that changed each time they were looked at. */
  unsettled: number;
  /** Compilations it took. */
  rounds: number;
}

interface Place {
  map: ConfigMap;
  key: string;
}

/** Of which it is not yet known whether they differ, by mapKeyText(). */
type Suspects = Map<string, Place & { seen: string }>;

/**
 * Compares the configuration maps of the kernel with what a fresh compiler makes of the resources and local facts of this
 * moment (Compiler.fork): what the live compiler and writer believe takes no part, so their mistakes show as well as others' writes.
 * Or with what the live compiler has made, which costs a tenth and shows others' writes alone.
 *
 * Changes go on meanwhile. An entry that was touched since the moment the claims stand for is not judged but looked at
 * again, with those of a later moment; and what differs is listed only when it does so twice, in the same way.
 */
export async function auditMaps(sources: MapAuditSources, slice: TimeSlice): Promise<MapAudit> {
  const audit: MapAudit = { differences: [], entries: 0, unsettled: 0, rounds: 0 };
  let suspects: Suspects | undefined;
  while (audit.rounds < MAX_ROUNDS && (suspects === undefined || suspects.size > 0)) {
    audit.rounds++;
    const watch = sources.claims.watch();
    try {
      const fresh = sources.against === 'live' ? sources.claims : await compileAnew(sources.compiler, slice);
      // Those that were right once are done with: what changes later is nothing that this audit speaks of.
      suspects ??= await compareAll(sources, fresh, slice, audit);
      // What the fresh compiler knew and the live one had yet to compile is touched by now, and what was touched before is written.
      await slice.away(sources.caughtUp());
      const found = await judge(sources, fresh, { suspects, touched: watch.touched }, slice);
      audit.differences = audit.differences.concat(found);
    } finally {
      watch.stop();
    }
  }
  audit.unsettled = suspects?.size ?? 0;
  return audit;
}

async function compileAnew(compiler: Compiler, slice: TimeSlice): Promise<Claims> {
  const claims = new Claims();
  const telling = compiler.fork(claims);
  let step = telling.next();
  for (; !step.done; step = telling.next()) if (slice.over) await slice.turn();
  for (const _ of step.value.compile()) if (slice.over) await slice.turn();
  return claims;
}

/** @returns whatever differs at first sight */
async function compareAll(
  { writer }: MapAuditSources,
  fresh: Claims,
  slice: TimeSlice,
  audit: MapAudit,
): Promise<Suspects> {
  const suspects: Suspects = new Map();
  const suspect = (map: ConfigMap, key: string) => suspects.set(mapKeyText(map, key), { map, key, seen: '' });
  for (const map of CONFIG_MAPS) {
    const seen = new Set<string>();
    for (const entry of writer.mirrors.get(map)!.dump()) {
      if (slice.over) await slice.turn();
      if (entry === undefined) continue;
      const [key, value] = entry;
      seen.add(key);
      if (!fresh.wanted(map, key)?.value.equals(value)) suspect(map, key);
    }
    for (const key of fresh.keys(map)) {
      if (slice.over) await slice.turn();
      // Of live ones it may be gone by now.
      const wanted = fresh.wanted(map, key);
      if (!seen.has(key) && wanted !== undefined && !isZero(map, wanted.value)) suspect(map, key);
    }
    audit.entries += seen.size;
  }
  return suspects;
}

/**
 * To be called when the live ones have caught up with the fresh one: takes from the suspects what is right, and what differs for the second time.
 * @returns the latter
 */
async function judge(
  { writer }: MapAuditSources,
  fresh: Claims,
  { suspects, touched }: { suspects: Suspects; touched: ReadonlySet<string> },
  slice: TimeSlice,
): Promise<EntryDifference[]> {
  const found: EntryDifference[] = [];
  for (const [name, suspect] of suspects) {
    if (slice.over) await slice.turn();
    const { map, key } = suspect;
    const failure = writer.failureAt(map, key);
    // One that the kernel refuses is touched for ever.
    if (failure === undefined && touched.has(name)) continue;
    const difference = compare(writer, fresh, { map, key });
    if (difference === undefined) suspects.delete(name);
    else {
      const same = `${difference.wanted} ${difference.found}`;
      if (suspect.seen === same || failure !== undefined) {
        suspects.delete(name);
        found.push(difference);
      }
      suspect.seen = same;
    }
  }
  return found;
}

/** @param fresh what shall be there @returns undefined: the kernel has that now */
export function compare(writer: Writer, fresh: Claims, { map, key }: Place): EntryDifference | undefined {
  const wanted = fresh.wanted(map, key);
  const value = wanted && !isZero(map, wanted.value) ? wanted.value : undefined;
  const found = writer.mirrors.get(map)!.read(key);
  if (found === undefined ? value === undefined : value?.equals(found)) return undefined;
  const [wantedText, foundText] = valuesForPeople(map, value, found);
  const failure = writer.failureAt(map, key);
  return {
    kind: 'map',
    where: map,
    map,
    key: keyForPeople(map, keyBuffer(key)),
    keyText: key,
    wanted: wantedText,
    refused: failure !== undefined,
    found: failure === undefined ? foundText : `${foundText} (${failure.message})`.trimStart(),
    unit: wanted?.unit ?? '',
  };
}

/** In an array an entry of zeroes is none; in a hash it is one. */
function isZero(map: ConfigMap, value: Buffer): boolean {
  return ARRAYS.has(map) && value.every((byte) => byte === 0);
}

const ARRAYS: ReadonlySet<ConfigMap> = new Set(['iov_ifindex', 'iov_ports', 'iov_datapaths', 'iov_tunnels']);
