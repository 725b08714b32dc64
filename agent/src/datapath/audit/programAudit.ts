import { u32 } from '../entry.js';
import type { Loaded } from '../load.js';
import type { Difference } from './difference.js';

/** The program array: each slot must lead to the program that was put there, and to nothing where none was. */
export function auditPrograms({ modules, maps }: Loaded): Difference[] {
  const programs = modules.modules.flatMap((module) => module.programs);
  const nameOf = new Map(programs.map(({ function: fn, program }) => [program.id, fn]));
  const wantedAt = new Map(
    programs.flatMap(({ slot, program }) => (slot === undefined ? [] : [[slot, program.id]])),
  );
  const array = maps.iov_programs;
  const found: Difference[] = [];
  for (let slot = 0; slot < array.maxEntries; slot++) {
    const wanted = wantedAt.get(slot);
    const there = array.lookup(u32(slot))?.readUInt32LE();
    if (there === wanted) continue;
    const text = (id: number | undefined) =>
      id === undefined ? '' : `program ${id} ${nameOf.get(id) ?? ''}`.trimEnd();
    found.push({
      kind: 'program',
      where: 'iov_programs',
      key: `slot ${slot}`,
      wanted: text(wanted),
      found: text(there),
      unit: '',
    });
  }
  return found;
}
