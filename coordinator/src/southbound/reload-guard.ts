import type { Logger } from 'pino';
import type { SouthboundChange } from '../monitor/rows.js';
import type { ProblemRegistry } from '../problems/registry.js';

/** How long ovn-northd may do nothing more about what is missing, once it has begun to. */
const patienceMs = 10_000;
/** Names in a message. */
const maxNames = 5;

/** What is asked while changes are held. */
export interface GuardedFacts {
  /** Northbound has a switch port of that name. */
  isWanted(port: string): boolean;
  /** The Chassis rows of all hypervisors that have a session are there. */
  areRegistered(): boolean;
}

/**
 * Southbound is what ovn-northd made of Northbound. One that was wiped, or replaced by an older copy, lacks ports that Northbound has, until
 * ovn-northd has made them anew, and registrations, until we have. Hypervisors keep forwarding as they are meanwhile: what a reload says is held until
 * both are back, and worked in at once.
 */
export class ReloadGuard {
  readonly #facts: GuardedFacts;
  readonly #problems: ProblemRegistry;
  readonly #log: Logger;
  #held: SouthboundChange[] | undefined;
  /** Names of ports that the reload took away. */
  readonly #missing = new Set<string>();
  #timer?: NodeJS.Timeout;
  #overdue = false;

  constructor(facts: GuardedFacts, problems: ProblemRegistry, log: Logger) {
    this.#facts = facts;
    this.#problems = problems;
    this.#log = log;
  }

  /** True while changes are held. */
  get holds(): boolean {
    return this.#held !== undefined;
  }

  /** Takes changes in their order; returns those to be worked in now. `reload`: they come of everything having been read anew. */
  take(changes: readonly SouthboundChange[], reload: boolean): readonly SouthboundChange[] {
    if (!this.#held && !reload) return changes;
    const before = this.#missing.size;
    // A port may be made anew in front of its deletion: another row with its name.
    for (const change of changes) if (change.table === 'Port_Binding' && change.old) this.#lost(change.old);
    for (const change of changes) if (change.table === 'Port_Binding' && change.row) this.#found(change.row);
    if (!this.#held && this.#missing.size === 0) return changes;
    if (!this.#held)
      this.#log.warn(
        { ports: this.#missing.size },
        'Southbound has lost ports which Northbound has: what it says is held',
      );
    this.#held ??= [];
    for (const change of changes) this.#held.push(change);
    if (this.#missing.size < before) this.#progress();
    return this.check();
  }

  /** Something else changed: returns what was held, once it may be worked in. */
  check(): readonly SouthboundChange[] {
    if (!this.#held) return [];
    for (const name of this.#missing) if (!this.#facts.isWanted(name)) this.#missing.delete(name);
    const complete = this.#missing.size === 0 && this.#facts.areRegistered();
    this.#report(complete || this.#overdue);
    if (!complete && !this.#overdue) {
      // Registrations are ours: they do not take long.
      if (this.#missing.size === 0) this.#timer ??= this.#patience();
      return [];
    }
    const held = this.#held;
    this.#log.info({ changes: held.length, missing: this.#missing.size }, 'Southbound is worked in again');
    this.#held = undefined;
    this.#missing.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#overdue = false;
    return held;
  }

  /** Called when nothing has come for too long. */
  onOverdue: () => void = () => undefined;

  #lost({ logical_port: name }: { logical_port: string }): void {
    if (this.#facts.isWanted(name)) this.#missing.add(name);
  }

  #found({ logical_port: name }: { logical_port: string }): void {
    this.#missing.delete(name);
  }

  #progress(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#patience();
  }

  #patience(): NodeJS.Timeout {
    const over = () => {
      this.#overdue = true;
      this.onOverdue();
    };
    return setTimeout(over, patienceMs).unref();
  }

  #report(over: boolean): void {
    const names = [...this.#missing].slice(0, maxNames).join(', ');
    const message = `Southbound was wiped or replaced by an older copy and lacks ${this.#missing.size} ports that Northbound has (${names} …), until ovn-northd has made them anew; hypervisors keep forwarding as they are, and nothing that Southbound says is applied`;
    this.#problems.replace(
      'southbound-reload',
      over || this.#missing.size === 0 ? [] : [{ where: 'Southbound', table: 'Port_Binding', message }],
    );
  }
}
