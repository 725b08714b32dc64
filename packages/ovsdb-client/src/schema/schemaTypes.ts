/** The atomic types of OVSDB (RFC 7047 section 3.2). */
export type AtomicType = 'integer' | 'real' | 'boolean' | 'string' | 'uuid';

/**
 * An atom in JavaScript: integer and real are numbers, string and uuid are strings. An integer beyond 2^53 is a bigint, in columns of which
 * that is wanted.
 */
export type Atom = string | number | boolean | bigint;

/** The type of keys or values of a column, with its constraints (RFC 7047 section 3.2, base-type). */
export interface BaseType {
  readonly type: AtomicType;
  readonly enum?: readonly Atom[];
  readonly minInteger?: number;
  readonly maxInteger?: number;
  readonly minReal?: number;
  readonly maxReal?: number;
  /** In characters. */
  readonly minLength?: number;
  /** In characters. */
  readonly maxLength?: number;
  readonly refTable?: string;
  readonly refType?: 'strong' | 'weak';
}

/** The type of a column: `min` 0 or 1 to `max` elements (Infinity for "unlimited"), a map when `value` is there. */
export interface ColumnType {
  readonly key: BaseType;
  readonly value?: BaseType;
  readonly min: number;
  readonly max: number;
}

export interface ColumnSchema {
  readonly name: string;
  readonly type: ColumnType;
  readonly ephemeral: boolean;
  readonly mutable: boolean;
}

export interface TableSchema {
  readonly name: string;
  readonly columns: ReadonlyMap<string, ColumnSchema>;
  /** Infinity when unlimited. */
  readonly maxRows: number;
  readonly isRoot: boolean;
  /** Sets of columns whose values are unique together. */
  readonly indexes: readonly (readonly string[])[];
}

/** A database schema (RFC 7047 section 3.2). */
export interface DatabaseSchema {
  readonly name: string;
  readonly version: string;
  readonly cksum?: string;
  readonly tables: ReadonlyMap<string, TableSchema>;
}

/** What a column holds in JavaScript terms. */
export type ColumnShape = 'scalar' | 'optional' | 'set' | 'map';

/** One value always, one or none, any number, or key-value pairs. */
export function columnShape({ value, min, max }: ColumnType): ColumnShape {
  if (value) return 'map';
  if (max !== 1) return 'set';
  return min === 1 ? 'scalar' : 'optional';
}
