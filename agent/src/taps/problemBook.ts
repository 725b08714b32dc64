import type { Problem } from '@iovisor-ovn/proto';
import type { Complaint } from './complaint.js';

/** The problems as they are now; each remembers since when. */
export class ProblemBook {
  #problems: readonly Problem[] = [];

  get problems(): readonly Problem[] {
    return this.#problems;
  }

  /** Takes over what is wrong now; returns whether that changed. `node` is the chassis name, '' when it is not known. */
  replace(complaints: Iterable<Complaint>, node: string): boolean {
    const where = node === '' ? 'Open_vSwitch' : `Open_vSwitch (${node})`;
    const before = new Map(this.#problems.map((problem) => [keyOf(problem), problem]));
    const since = new Date().toISOString();
    const now = [...complaints].map((complaint) => {
      const problem = { ...complaint, where, node, since };
      return before.get(keyOf(problem)) ?? problem;
    });
    const changed = now.length !== before.size || now.some((problem) => !before.has(keyOf(problem)));
    if (changed) this.#problems = now;
    return changed;
  }
}

function keyOf({ where, table, uuid, name, column, message }: Problem): string {
  return JSON.stringify([where, table, uuid, name, column, message]);
}
