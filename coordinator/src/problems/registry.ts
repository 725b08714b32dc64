import type { Problem } from '@iovisor-ovn/proto';
import type { Logger } from 'pino';

/** A problem as its finder states it; what is not given is empty. `since` is kept by the registry. */
export type ProblemStatement = Pick<Problem, 'message'> & Partial<Omit<Problem, 'since'>>;

/**
 * What operators wrote that cannot be done, and faults, until they are gone. Each finder owns a scope ("lsp:<uuid>",
 * "session:<chassis>") and states all problems of that scope anew whenever it looks: a problem not stated again has
 * healed. Each is logged once when it appears and once when it heals.
 */
export class ProblemRegistry {
  readonly #scopes = new Map<string, Map<string, Problem>>();
  readonly #log: Logger;
  readonly #now: () => Date;
  #size = 0;
  /** Called with each problem that is found or solved. */
  onChange?: (event: 'found' | 'solved', problem: Problem) => void;

  constructor(log: Logger, now: () => Date = () => new Date()) {
    this.#log = log;
    this.#now = now;
  }

  /** Number of problems now. */
  get size(): number {
    return this.#size;
  }

  /** All problems, in no order; live. */
  *all(): Generator<Problem> {
    for (const scope of this.#scopes.values()) yield* scope.values();
  }

  /** All problems, oldest first. */
  list(): Problem[] {
    return [...this.all()].sort((a, b) => (a.since < b.since ? -1 : a.since > b.since ? 1 : 0));
  }

  /** States all problems of `scope`; an empty list heals it. */
  replace(scope: string, statements: readonly ProblemStatement[]): void {
    const before = this.#scopes.get(scope);
    if (!before && statements.length === 0) return;
    const after = new Map<string, Problem>();
    for (const statement of statements) {
      const problem = complete(statement);
      const key = JSON.stringify(problem);
      if (after.has(key)) continue;
      const known = before?.get(key);
      const current = known ?? { ...problem, since: this.#now().toISOString() };
      after.set(key, current);
      if (known) continue;
      this.#log.warn({ problem: statement }, problem.message);
      this.onChange?.('found', current);
    }
    for (const [key, problem] of before ?? []) {
      if (after.has(key)) continue;
      this.#log.info({ since: problem.since }, `solved: ${problem.message}`);
      this.onChange?.('solved', problem);
    }
    this.#size += after.size - (before?.size ?? 0);
    if (after.size > 0) this.#scopes.set(scope, after);
    else this.#scopes.delete(scope);
  }
}

function complete(statement: ProblemStatement): Problem {
  return { where: '', table: '', uuid: '', name: '', column: '', node: '', ...statement, since: '' };
}
