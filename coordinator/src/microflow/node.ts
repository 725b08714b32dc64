import type { Field } from './symbols.js';

/** An expression as parsed. `at` is the column that errors point at. */
export type Node =
  /** These bits of the field have this value: `mask` says which, and `value` is 0 outside it. */
  | { kind: 'bits'; field: Field; value: bigint; mask: bigint; at: number }
  /** What must hold for the comparison to make sense, and the comparison: only that is negated by "!". */
  | { kind: 'guarded'; guard: Node; node: Node }
  | { kind: 'inport'; name: string; at: number }
  | { kind: 'all'; of: readonly Node[] }
  /** One of them; `choices` are their texts. */
  | { kind: 'any'; of: readonly Node[]; choices: readonly string[]; at: number }
  | { kind: 'never'; at: number };

/** Everything is true of it. */
export const always: Node = { kind: 'all', of: [] };
