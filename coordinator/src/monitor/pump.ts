import type { Logger } from 'pino';

const sliceMs = 4;

/** A step of work which must be done in order. */
export type Step = () => void;

/**
 * Works through the changes of both replicas in the order they came, in the same turn of the event loop when they are
 * few, in slices of a few milliseconds when they are many (the first snapshot).
 */
export class ChangePump {
  readonly #log: Logger;
  readonly #idle: (sliced: boolean) => void;
  readonly #queue: { steps: Iterator<Step>; since: number }[] = [];
  #running = false;
  /** A step is being done just now. */
  #working = false;
  /** Work done in this turn of the event loop, ms; undefined: none. Many small pushes of one turn are no less than a large one. */
  #spent?: number;
  #taken = 0;

  /** `idle` is called each time everything that came is worked in; `sliced` when that took more than one turn. */
  constructor(log: Logger, idle: (sliced: boolean) => void) {
    this.#log = log;
    this.#idle = idle;
  }

  /** True while something that came is not worked in yet. */
  get busy(): boolean {
    return this.#running;
  }

  /** When what is being worked in came, as performance.now() says; outside of a step: now. */
  get since(): number {
    return (this.#working ? this.#queue[0]?.since : undefined) ?? performance.now();
  }

  /** Steps done so far: while it is busy, and this stays the same, nothing goes on. */
  get taken(): number {
    return this.#taken;
  }

  push(steps: Iterable<Step>): void {
    this.#queue.push({ steps: steps[Symbol.iterator](), since: performance.now() });
    if (this.#running) return;
    this.#running = true;
    if ((this.#spent ?? 0) < sliceMs) this.#run(false);
    else setImmediate(() => this.#run(true));
  }

  #run(sliced: boolean): void {
    const started = performance.now() - this.#spentNow();
    for (let steps = this.#queue[0]?.steps; steps; steps = this.#queue[0]?.steps) {
      for (let step = steps.next(); !step.done; step = steps.next()) {
        this.#do(step.value);
        this.#taken++;
        this.#spent = performance.now() - started;
        if (this.#spent < sliceMs) continue;
        setImmediate(() => this.#run(true));
        return;
      }
      this.#queue.shift();
    }
    this.#running = false;
    this.#idle(sliced);
  }

  #spentNow(): number {
    if (this.#spent !== undefined) return this.#spent;
    this.#spent = 0;
    setImmediate(() => {
      this.#spent = undefined;
    });
    return 0;
  }

  /** One row must not keep the others from being seen, whatever is wrong with it. */
  #do(step: Step): void {
    this.#working = true;
    try {
      step();
    } catch (error) {
      this.#log.error({ err: error }, 'a row change could not be worked in; please report this');
    } finally {
      this.#working = false;
    }
  }
}
