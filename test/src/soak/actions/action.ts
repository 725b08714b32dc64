import type { Random } from '../../fuzz/random.js';
import type { Model } from '../model.js';
import type { Site } from '../site.js';

/** Something to do, with all that chance had to say about it: planning knows no clock and no network. */
export interface Planned {
  /** Name of its kind; recoveries are counted by it. */
  kind: string;
  /** In one line, with its particulars: "agent of hv1: kill -9, away for 800 ms". */
  what: string;
  /** What nothing else may touch meanwhile: "agent hv1", "port vm4". "everything": it is to be alone. */
  uses: readonly string[];
  /** Machines that may be cut off, or connected, meanwhile. The others stay as they are all the time. */
  concerns: readonly string[];
  /** Found and put right by what looks every ten seconds: until then `iovctl verify` may tell of it. */
  isFoundLate?: boolean;
  /** What is different afterwards. */
  change?: (model: Model) => void;
  /** Resolves when the last that was done by hand is done: recovery counts from then. */
  run(site: Site): Promise<void>;
}

/** A kind of thing that may happen. */
export interface Action {
  /** How often it comes, relative to the others. */
  weight: number;
  /** Undefined: it cannot happen in this network. Changes nothing. */
  plan(random: Random, model: Model): Planned | undefined;
}

/** A time, ms. */
export const between = (random: Random, least: number, most: number): number =>
  least + random.int(most - least + 1);

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** 1 … count. */
export const numbersTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

/** Names of all that a hypervisor's cable, or its only database, cuts off: nothing protected runs at the third. */
export const machinesAt = (model: Model, hypervisor: number): string[] =>
  model.machines.filter((machine) => machine.hypervisor === hypervisor).map(({ name }) => name);
