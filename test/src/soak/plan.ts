import { Random } from '../fuzz/random.js';
import type { Planned } from './actions/action.js';
import { actions } from './actions/all.js';
import type { Model } from './model.js';

/** What happens at once, from one check of everything to the next: each begins so long after the step. */
export type Step = readonly { afterMs: number; planned: Planned }[];

/** How many things at once, with their weights. */
const AT_ONCE = [
  [4, 1],
  [3, 2],
  [2, 3],
  [1, 4],
] as const;

const TRIES = 20;
const MOST_AFTER_MS = 2000;

/**
 * What to do, from a seed alone: the same seed in the same model gives the same steps, however long each takes. `next` changes the
 * model to what it is to be afterwards.
 */
export class Plan {
  readonly #random: Random;

  constructor(
    seed: number,
    private readonly model: Model,
  ) {
    this.#random = new Random(seed);
  }

  next(): Step {
    const step: { afterMs: number; planned: Planned }[] = [];
    const wanted = this.#random.weighted(AT_ONCE);
    for (let tries = 0; step.length < wanted && (tries < TRIES || step.length === 0); tries++) {
      const action = this.#random.weighted(actions.map((one) => [one.weight, one] as const));
      const planned = action.plan(this.#random, this.model);
      if (!planned || step.some((other) => conflict(planned, other.planned))) continue;
      planned.change?.(this.model);
      step.push({ afterMs: step.length === 0 ? 0 : this.#random.int(MOST_AFTER_MS), planned });
    }
    return step;
  }
}

function conflict(one: Planned, other: Planned): boolean {
  return (
    one.uses.includes('everything') ||
    other.uses.includes('everything') ||
    one.uses.some((what) => other.uses.includes(what))
  );
}
