import type { PortBindingRow } from '../monitor/rows.js';

/** Two parents that both claim an address must not write Southbound at packet rate (CLAIM_TIME_THRESHOLD_MS of OVN). */
const intervalMs = 500;

/** A parent that announced a virtual port's address. */
export interface VirtualClaim {
  parent: string;
  /** Name of the chassis that saw it. */
  chassis: string;
}

interface State {
  claim: VirtualClaim;
  /** Set while the claim waits for its turn. */
  timer?: NodeJS.Timeout;
}

/**
 * Claims of virtual ports that are not written yet: the last one of each port. A port changes hands at most once in
 * half a second; a claim that comes sooner waits, and only the last one that waited counts.
 */
export class VirtualClaims {
  readonly #claims = new Map<string, State>();
  readonly #moved = new Map<string, number>();
  readonly #reconcile: (name: string) => void;

  /** `reconcile` is called with the name of each port that has a claim due. */
  constructor(reconcile: (name: string) => void) {
    this.#reconcile = reconcile;
  }

  /** `isDone`: the row says so already, and traffic only repeats it. */
  claim(row: PortBindingRow, parent: string, chassis: string, isDone: boolean): void {
    const name = row.logical_port;
    const waiting = this.#claims.get(name);
    if (!waiting && isDone) return;
    if (waiting?.timer) {
      waiting.claim = { parent, chassis };
      return;
    }
    const state: State = { claim: { parent, chassis } };
    this.#claims.set(name, state);
    const waitMs = (this.#moved.get(name) ?? Number.NEGATIVE_INFINITY) + intervalMs - performance.now();
    const act = () => {
      state.timer = undefined;
      this.#moved.set(name, performance.now());
      this.#reconcile(name);
    };
    if (waitMs <= 0) act();
    else state.timer = setTimeout(act, waitMs).unref();
  }

  /** The claim that is to be written now; undefined when there is none. */
  due({ logical_port }: PortBindingRow): VirtualClaim | undefined {
    const state = this.#claims.get(logical_port);
    return state && !state.timer ? state.claim : undefined;
  }

  /** The row is as decided: what was due is done. */
  done(row: PortBindingRow): void {
    if (this.due(row)) this.#claims.delete(row.logical_port);
  }

  /** The port is gone. */
  remove(name: string): void {
    this.forget(name);
    this.#moved.delete(name);
  }

  /** What was due cannot be done. */
  forget(name: string): void {
    const state = this.#claims.get(name);
    if (!state) return;
    clearTimeout(state.timer);
    this.#claims.delete(name);
  }
}
