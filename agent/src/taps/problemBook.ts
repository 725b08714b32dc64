import type { Problem } from '@iovisor-ovn/proto';
import type { Complaint } from './complaint.js';

/** Says what is wrong with `subject` now; an empty list when nothing is. */
export type ReportComplaints = (subject: string, complaints: readonly Complaint[]) => void;

/** The problems as they are now, by what they are about; each remembers since when. */
export class ProblemBook {
  readonly #about = new Map<string, readonly Problem[]>();
  #all: readonly Problem[] | undefined = [];
  #node = '';
  #changed = false;

  get problems(): readonly Problem[] {
    this.#all ??= [...this.#about.values()].flat();
    return this.#all;
  }

  /** Takes over all that is wrong with one subject now. */
  set(subject: string, complaints: readonly Complaint[]): void {
    const before = this.#about.get(subject) ?? [];
    if (before.length === 0 && complaints.length === 0) return;
    const since = new Date().toISOString();
    const now = complaints.map((complaint) => {
      const same = before.find((problem) => sameComplaint(problem, complaint));
      return same ?? { ...complaint, ...this.#place(), since };
    });
    if (now.length === before.length && now.every((problem, at) => problem === before[at])) return;
    if (now.length > 0) this.#about.set(subject, now);
    else this.#about.delete(subject);
    this.#touch();
  }

  /** `node` is the chassis name, '' when it is not known. */
  setNode(node: string): void {
    if (node === this.#node) return;
    this.#node = node;
    if (this.#about.size === 0) return;
    for (const [subject, problems] of this.#about)
      this.#about.set(
        subject,
        problems.map((problem) => ({ ...problem, ...this.#place() })),
      );
    this.#touch();
  }

  /** Something changed since `takeChanged`. */
  get changed(): boolean {
    return this.#changed;
  }

  /** Whether something changed since the last call. */
  takeChanged(): boolean {
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }

  #place(): Pick<Problem, 'where' | 'node'> {
    const node = this.#node;
    return { where: node === '' ? 'Open_vSwitch' : `Open_vSwitch (${node})`, node };
  }

  #touch(): void {
    this.#all = undefined;
    this.#changed = true;
  }
}

function sameComplaint(a: Complaint, b: Complaint): boolean {
  return (['table', 'uuid', 'name', 'column', 'message'] as const).every((key) => a[key] === b[key]);
}
