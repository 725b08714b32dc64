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

  constructor(log: Logger, now: () => Date = () => new Date()) {
    this.#log = log;
    this.#now = now;
  }

  /** Number of problems now. */
  get size(): number {
    return this.#size;
  }

  /** All problems, each with the kind of its finder: its scope up to the first colon. */
  *byKind(): Generator<[kind: string, problem: Problem]> {
    for (const [scope, problems] of this.#scopes) {
      const kind = scope.slice(0, `${scope}:`.indexOf(':'));
      for (const problem of problems.values()) yield [kind, problem];
    }
  }

  /** All problems, oldest first. */
  list(): Problem[] {
    const all = [...this.#scopes.values()].flatMap((scope) => [...scope.values()]);
    return all.sort((a, b) => (a.since < b.since ? -1 : a.since > b.since ? 1 : 0));
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
      after.set(key, known ?? { ...problem, since: this.#now().toISOString() });
      if (!known) this.#log.warn({ problem: statement }, problem.message);
    }
    for (const [key, problem] of before ?? [])
      if (!after.has(key)) this.#log.info({ since: problem.since }, `healed: ${problem.message}`);
    this.#size += after.size - (before?.size ?? 0);
    if (after.size > 0) this.#scopes.set(scope, after);
    else this.#scopes.delete(scope);
  }
}

function complete(statement: ProblemStatement): Problem {
  return { where: '', table: '', uuid: '', name: '', column: '', node: '', ...statement, since: '' };
}
