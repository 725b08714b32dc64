import type { BpfProgram } from '@iovisor-ovn/libbpf';
import { u32 } from '../entry.js';
import type { Loaded } from '../load.js';
import type { Damages } from './damages.js';
import type { Difference } from './difference.js';

/** A slot of the program array that does not lead where it should. */
export interface SlotDifference extends Difference {
  slot: number;
  program: BpfProgram | undefined;
}

/** The program array: each slot must lead to the program that was put there, and to nothing where none was. */
export function auditPrograms({ modules, maps }: Loaded): SlotDifference[] {
  const programs = modules.modules.flatMap((module) => module.programs);
  const nameOf = new Map(programs.map(({ function: fn, program }) => [program.id, fn]));
  const wantedAt = new Map(
    programs.flatMap(({ slot, program }) => (slot === undefined ? [] : [[slot, program]])),
  );
  const array = maps.iov_programs;
  const found: SlotDifference[] = [];
  for (let slot = 0; slot < array.maxEntries; slot++) {
    const program = wantedAt.get(slot);
    const wanted = program?.id;
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
      slot,
      program,
    });
  }
  return found;
}

/**
 * Puts the programs back. A packet in between, whose next program was missing, was dropped.
 * @returns how many slots
 */
export function repairPrograms(
  { maps }: Pick<Loaded, 'maps'>,
  differences: readonly SlotDifference[],
  damages: Damages,
): number {
  let repaired = 0;
  for (const difference of differences) {
    const { slot, program } = difference;
    try {
      if (program === undefined) maps.iov_programs.delete(u32(slot));
      else maps.iov_programs.updateFd(u32(slot), program);
      damages.repaired(difference);
      repaired++;
    } catch (error) {
      damages.failed(difference, (error as Error).message);
    }
  }
  return repaired;
}
