import { TimeSlice } from '../../datapath/timeSlice.js';
import type { TableEntry } from '../engine/hoverEngine.js';
import { encodeGo } from './goJson.js';
import { NOT_FOUND, type Reply } from './reply.js';

/** Less than others take: each turn has its part of the garbage collection, too. */
const SLICE = 2;
/** Entries between two looks at the clock: well below a millisecond. */
const STEP = 128;

/**
 * All entries of a table, as {@link ok} would say it; others get their turn meanwhile, however many there are.
 * @param isThere asked after each pause: a table whose module has gone must not be read on
 */
export async function listing(entries: Iterable<TableEntry>, isThere: () => boolean): Promise<Reply> {
  const slice = new TimeSlice({ milliseconds: SLICE });
  const parts: Buffer[] = [];
  let text = '[';
  let count = 0;
  for (const { key, value } of entries) {
    text += `${count++ === 0 ? '' : ','}${encodeGo({ key, value }).trimEnd()}`;
    if (count % STEP !== 0 || !slice.over) continue;
    parts.push(Buffer.from(text));
    text = '';
    await slice.turn();
    if (!isThere()) return NOT_FOUND;
  }
  parts.push(Buffer.from(`${text}]\n`));
  return { status: 200, type: 'application/json', body: parts };
}
