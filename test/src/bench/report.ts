/** A goal of the project beside what was measured. */
export interface Target {
  what: string;
  /** As in the issue: "≤ 3.0×". */
  target: string;
  measured: string;
  met: boolean;
}

export interface Table {
  title: string;
  header: readonly string[];
  rows: readonly (readonly string[])[];
}

/** What one part of the benchmark found: for people (tables, targets, notes) and for programs (data). */
export interface Section {
  name: string;
  tables: readonly Table[];
  targets: readonly Target[];
  notes: readonly string[];
  data: unknown;
}

/** "≤" and "≥" targets on a ratio. */
export function atMost(what: string, limit: number, measured: number): Target {
  return {
    what,
    target: `≤ ${limit.toFixed(1)}×`,
    measured: `${measured.toFixed(2)}×`,
    met: measured <= limit,
  };
}

/** A "≤" target in nanoseconds. */
export function atMostNs(what: string, limit: number, measured: number): Target {
  return { what, target: `≤ ${limit} ns`, measured: `${measured.toFixed(0)} ns`, met: measured <= limit };
}

export function atLeast(what: string, limit: number, measured: number): Target {
  return {
    what,
    target: `≥ ${limit.toFixed(1)}×`,
    measured: `${measured.toFixed(2)}×`,
    met: measured >= limit,
  };
}
