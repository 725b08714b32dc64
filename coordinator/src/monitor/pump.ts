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
  readonly #queue: Iterator<Step>[] = [];
  #running = false;
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

  /** Steps done so far: while it is busy, and this stays the same, nothing goes on. */
  get taken(): number {
    return this.#taken;
  }

  push(steps: Iterable<Step>): void {
    this.#queue.push(steps[Symbol.iterator]());
    if (this.#running) return;
    this.#running = true;
    this.#run(false);
  }

  #run(sliced: boolean): void {
    const started = performance.now();
    for (let steps = this.#queue[0]; steps; steps = this.#queue[0]) {
      for (let step = steps.next(); !step.done; step = steps.next()) {
        this.#do(step.value);
        this.#taken++;
        if (performance.now() - started < sliceMs) continue;
        setImmediate(() => this.#run(true));
        return;
      }
      this.#queue.shift();
    }
    this.#running = false;
    this.#idle(sliced);
  }

  /** One row must not keep the others from being seen, whatever is wrong with it. */
  #do(step: Step): void {
    try {
      step();
    } catch (error) {
      this.#log.error({ err: error }, 'a row change could not be worked in; please report this');
    }
  }
}
