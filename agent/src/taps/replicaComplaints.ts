import type { Change, ChangeMeta, ReplicaProblem } from '@iovisor-ovn/ovsdb-client';
import type { Complaint } from './complaint.js';
import type { LocalTables } from './localTables.js';

/** Values of the database that could not be taken over, until their row changes or everything is read anew. */
export class ReplicaComplaints {
  #fresh: ReplicaProblem[] = [];
  #held: ReplicaProblem[] = [];

  add(problem: ReplicaProblem): void {
    this.#fresh.push(problem);
  }

  /** The problems of a batch are reported before its changes are. */
  onChange(batch: readonly Change<LocalTables>[], { reload }: ChangeMeta): void {
    if (this.#held.length === 0 && this.#fresh.length === 0) return;
    const changed = new Set(batch.map(({ uuid }) => uuid));
    const stay = this.#held.filter(({ uuid }) => !reload && (uuid === undefined || !changed.has(uuid)));
    this.#held = [...stay, ...this.#fresh];
    this.#fresh = [];
  }

  complaints(): Complaint[] {
    return [...this.#held, ...this.#fresh].map(({ table, uuid = '', column = '', message }) => ({
      table,
      uuid,
      name: '',
      column,
      message,
    }));
  }
}
