import type { Problem } from '@iovisor-ovn/proto';
import type { Logger } from 'pino';

/** So many problems are logged in a period; of the others only how many they are. */
const mostLines = 100;
const periodMs = 10_000;

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
  #lines = 0;
  #unsaid = 0;
  #period?: NodeJS.Timeout;
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

  /** All problems, each with the kind of its finder: its scope up to the first colon. */
  *byKind(): Generator<[kind: string, problem: Problem]> {
    for (const [scope, problems] of this.#scopes) {
      const kind = scope.slice(0, `${scope}:`.indexOf(':'));
      for (const problem of problems.values()) yield [kind, problem];
    }
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
      if (this.#maySay()) this.#log.warn({ problem: statement }, problem.message);
      this.onChange?.('found', current);
    }
    for (const [key, problem] of before ?? []) {
      if (after.has(key)) continue;
      if (this.#maySay()) this.#log.info({ since: problem.since }, `solved: ${problem.message}`);
      this.onChange?.('solved', problem);
    }
    this.#size += after.size - (before?.size ?? 0);
    if (after.size > 0) this.#scopes.set(scope, after);
    else this.#scopes.delete(scope);
  }

  /** Something that ten thousand ports have in common must not be ten thousand lines. */
  #maySay(): boolean {
    this.#period ??= setTimeout(() => this.#say(), periodMs).unref();
    if (++this.#lines <= mostLines) return true;
    this.#unsaid++;
    return false;
  }

  #say(): void {
    if (this.#unsaid > 0)
      this.#log.warn(
        { count: this.#unsaid, problems: this.#size },
        'further problems were found or solved: see iovctl problems',
      );
    this.#lines = 0;
    this.#unsaid = 0;
    this.#period = undefined;
  }
}

function complete(statement: ProblemStatement): Problem {
  return { where: '', table: '', uuid: '', name: '', column: '', node: '', ...statement, since: '' };
}
