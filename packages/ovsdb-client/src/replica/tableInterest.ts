import { ColumnCodec } from '../schema/columnCodec.js';
import { type Condition, columnType, encodeCondition, matchesCondition } from '../schema/condition.js';
import { type GenericRow, RowCodec } from '../schema/rowCodec.js';
import type { TableSchema } from '../schema/schemaTypes.js';
import type { JsonValue } from '../wire/json.js';

/** What a replica wants of one table. */
export interface TableOptions {
  /** The columns to have; default 'all'. Columns which the database does not have are reported and left out. */
  readonly columns?: readonly string[] | 'all';
  /**
   * Columns of integers in which one beyond 2^53 is a bigint: their type is `number | bigint`. In other columns such an integer is a problem that is
   * reported, and left out.
   */
  readonly exact?: readonly string[];
  /** Which rows to have: those that match ANY of the clauses (ovsdb-server(7), 4.1.12); all rows when empty. */
  readonly where?: readonly Condition[];
}

/** Reports something wrong with what was wanted of a table. */
export type ReportWish = (column: string | undefined, message: string) => void;

/** What a replica wants of one table, and how far the server knows. */
export class TableInterest {
  readonly name: string;
  readonly #columns: readonly string[] | 'all';
  readonly #exact: readonly string[];
  /** The conditions asked for last. */
  wanted: readonly Condition[];
  /** The conditions the rows held were selected with. */
  acknowledged: readonly Condition[];

  constructor(name: string, { columns = 'all', exact = [], where = [] }: TableOptions) {
    this.name = name;
    this.#columns = columns;
    this.#exact = exact;
    this.wanted = where;
    this.acknowledged = where;
  }

  /** The codec for the columns which are wanted and exist. */
  codec(table: TableSchema, report: ReportWish): RowCodec {
    if (this.#columns === 'all') return new RowCodec(table, table.columns.keys(), this.#exact);
    const known = this.#columns.filter((column) => {
      if (column === '_uuid') return false;
      if (!table.columns.has(column)) report(column, `the database has no column ${table.name}.${column}`);
      return table.columns.has(column);
    });
    return new RowCodec(table, known, this.#exact);
  }
}

/** A `where` for a monitor request; clauses that are not valid are reported and select nothing. */
export function encodeWhere(
  table: TableSchema,
  where: readonly Condition[],
  report: ReportWish,
): JsonValue[] {
  return where.map((condition) => {
    try {
      return encodeCondition(table, condition);
    } catch (error) {
      report(condition[0], (error as Error).message);
      return false;
    }
  });
}

/** A predicate that does what `where` does in a monitor request; rows must have the columns it names. */
export function rowSelector(table: TableSchema, where: readonly Condition[]): (row: GenericRow) => boolean {
  if (where.length === 0) return () => true;
  const clauses = where.map((condition) => {
    try {
      const type = columnType(table, condition[0]);
      const encoded = encodeCondition(table, condition) as JsonValue[];
      const wanted = new ColumnCodec(type).decode(encoded[2]!, () => undefined);
      return (row: GenericRow) => matchesCondition(type, row, condition, wanted);
    } catch {
      return () => false;
    }
  });
  return (row) => clauses.some((clause) => clause(row));
}
