import type { GenericRow } from '../schema/rowCodec.js';

/** Maps the names of tables to the types of their rows; ovsdb-generate makes one per database. */
export type TableTypes = object;

/** The tables of a database whose types are not known to the compiler. */
export interface GenericTables {
  readonly [table: string]: GenericRow;
}

/** What happened to one row of table `K`. */
export type TableChange<K extends string, R> =
  | {
      readonly table: K;
      readonly uuid: string;
      readonly kind: 'insert';
      readonly row: R;
      readonly old?: undefined;
      readonly columns?: undefined;
    }
  | {
      readonly table: K;
      readonly uuid: string;
      readonly kind: 'modify';
      readonly row: R;
      /** The whole row before. */
      readonly old: R;
      /** The columns in which they differ. */
      readonly columns: readonly string[];
    }
  | {
      readonly table: K;
      readonly uuid: string;
      readonly kind: 'delete';
      readonly row?: undefined;
      readonly old: R;
      readonly columns?: undefined;
    };

/** What happened to one row; `table` tells which type the rows are. */
export type Change<T extends TableTypes = GenericTables> = {
  [K in keyof T & string]: TableChange<K, T[K]>;
}[keyof T & string];

/** @internal A change whose row types do not matter. */
export type AnyChange = TableChange<string, GenericRow>;

/** What a batch of changes is. */
export interface ChangeMeta {
  /** The first snapshot: everything is an insert. */
  readonly initial: boolean;
  /** The server could not resume: the batch is the difference between all its rows and those held before. */
  readonly reload: boolean;
  /** Id of the last transaction in the batch, when the server told. */
  readonly txnId?: string;
}

/** A value, column or table that could not be taken over. */
export interface ReplicaProblem {
  readonly table: string;
  /** Undefined when the problem is not one of a single row. */
  readonly uuid?: string;
  /** Undefined when the problem is one of the whole table. */
  readonly column?: string;
  readonly message: string;
}

/** The change from `old` to `row` of which at least one is there; undefined when `columns` is empty. */
export function makeChange(
  table: string,
  uuid: string,
  old: GenericRow | undefined,
  row: GenericRow | undefined,
  changedColumns: (old: GenericRow, row: GenericRow) => readonly string[],
): AnyChange | undefined {
  if (!old) return row && { table, uuid, kind: 'insert', row };
  if (!row) return { table, uuid, kind: 'delete', old };
  if (old === row) return undefined;
  const columns = changedColumns(old, row);
  return columns.length === 0 ? undefined : { table, uuid, kind: 'modify', row, old, columns };
}
