/** How long a target fuzzes, and from where it starts. */
export interface TargetOptions {
  seed: number;
  /** Inputs. */
  cases: number;
  /** Asked between inputs: true ends it early. */
  stop?: () => boolean;
}

/** What became of the inputs. */
export interface TargetReport {
  cases: number;
  /** How often each outcome was seen: a fuzzer whose inputs are all refused at the door finds nothing. */
  outcomes: Map<string, number>;
  /** What must not be, each with the input or what is needed to have it again. */
  failures: string[];
}

/** Something that takes input from others. */
export interface Target {
  name: string;
  /** What is tried, and what must hold, in one line. */
  what: string;
  /** By hand, unless said otherwise. */
  cases: number;
  run(options: TargetOptions): Promise<TargetReport>;
}

/** Counts outcomes and keeps failures, the first of them. */
export class Tally implements TargetReport {
  cases = 0;
  readonly outcomes = new Map<string, number>();
  readonly failures: string[] = [];
  static readonly #most = 10;

  saw(outcome: string): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  fail(text: string): void {
    if (this.failures.length < Tally.#most) this.failures.push(text.slice(0, 4000));
  }

  get isFull(): boolean {
    return this.failures.length >= Tally.#most;
  }
}
