/** When a change was where, as performance.now() says. */
export interface IntentTimes {
  /** The databases told of it. */
  event: number;
  /** It was worked in, and what it touches was marked for the agent. */
  marked: number;
  /** What is marked began to be compiled and sent: no earlier commit was on its way, and nothing was waited for. */
  flushed: number;
  /** The Commit was handed to the connection. */
  sent: number;
  /** The agent acknowledged it. */
  acknowledged: number;
}

type Marked = Pick<IntentTimes, 'event' | 'marked'>;

/** Times of the oldest change in each commit of a session. */
export class IntentClock {
  #next: Marked | undefined;
  /** Of what goes not into the commit that is being sent but into the one behind it. */
  #later: Marked | undefined;
  #flushed = 0;
  #outstanding: { since: number; times: Omit<IntentTimes, 'acknowledged'> | undefined } | undefined;

  /** A resource is marked because of a database event at `event`; `later`: it goes into the commit after the next. */
  marked(event: number, later: boolean): void {
    if (later) this.#later ??= { event, marked: performance.now() };
    else this.#next ??= { event, marked: performance.now() };
  }

  flushing(): void {
    this.#flushed = performance.now();
  }

  /** What was marked is as the agent has it already: no commit is needed. */
  nothing(): void {
    this.#next = undefined;
  }

  /** `counts`: it is a change that was asked for, not the first commit of a session, which has everything. */
  sent(counts: boolean): void {
    const sent = performance.now();
    const next = this.#next;
    // What was marked while the commit was being sent has waited for nothing.
    const flushed = next === undefined ? this.#flushed : Math.max(this.#flushed, next.marked);
    const times = next && counts ? { ...next, flushed, sent } : undefined;
    this.#outstanding = { since: next?.event ?? sent, times };
    this.#next = this.#later;
    this.#later = undefined;
  }

  /** The times of the commit that was acknowledged; undefined when it had no change in it. */
  acknowledged(): IntentTimes | undefined {
    const times = this.#outstanding?.times;
    this.#outstanding = undefined;
    return times && { ...times, acknowledged: performance.now() };
  }

  /** When the oldest thing happened that the agent has not acknowledged yet; undefined: it has everything. */
  get oldest(): number | undefined {
    return this.#outstanding?.since ?? this.#next?.event ?? this.#later?.event;
  }
}
