import type { JsonObject } from '../wire/json.js';
import { ColumnCodec } from './columnCodec.js';
import { type ColumnValue, sameValue } from './columnValue.js';
import type { TableSchema } from './schemaTypes.js';
import { ValueError } from './valueError.js';

/** A row of a table whose type is not known to the compiler: frozen, `_uuid` and one member per column. */
export type GenericRow = { readonly _uuid: string; readonly [column: string]: ColumnValue };

/** Told about a value that was left out because it does not fit. */
export type ReportProblem = (uuid: string, column: string, message: string) => void;

/** Makes the rows of one table, with a chosen set of its columns, out of what the server sends. */
export class RowCodec {
  readonly columns: readonly string[];
  readonly #codecs = new Map<string, ColumnCodec>();
  /** Rows start as a copy of this one: they all get the same hidden class, and the defaults are shared. */
  readonly #template: Record<string, ColumnValue> = { _uuid: '' };

  /** @param exact columns whose integers beyond 2^53 are taken, as bigints */
  constructor(table: TableSchema, columns: Iterable<string>, exact: readonly string[] = []) {
    for (const name of columns) {
      const column = table.columns.get(name);
      if (!column) continue;
      const codec = new ColumnCodec(column.type, exact.includes(name));
      this.#codecs.set(name, codec);
      this.#template[name] = codec.defaultValue;
    }
    this.columns = [...this.#codecs.keys()];
  }

  /** A whole row; columns that `json` does not mention have their default. */
  full(uuid: string, json: JsonObject, report: ReportProblem): GenericRow {
    const row = { ...this.#template };
    row._uuid = uuid;
    for (const name in json) {
      const codec = this.#codecs.get(name);
      if (!codec) continue;
      const reportColumn = (problem: Error) => report(uuid, name, problem.message);
      row[name] = attempt(() => codec.decode(json[name]!, reportColumn), codec.defaultValue, reportColumn);
    }
    return Object.freeze(row) as GenericRow;
  }

  /** `old` with a "modify" of update2 and update3 applied; `old` itself when that changes nothing. */
  modified(old: GenericRow, json: JsonObject, report: ReportProblem): GenericRow {
    const row: Record<string, ColumnValue> = { ...old };
    for (const name in json) {
      const codec = this.#codecs.get(name);
      if (!codec) continue;
      const reportColumn = (problem: Error) => report(old._uuid, name, problem.message);
      row[name] = attempt(
        () => codec.applyDifference(old[name], json[name]!, reportColumn),
        old[name],
        reportColumn,
      );
    }
    return this.changed(old, row as GenericRow).length === 0 ? old : (Object.freeze(row) as GenericRow);
  }

  /** The columns in which two versions of a row differ; `old` may still be of a schema before. */
  changed(old: GenericRow, row: GenericRow): string[] {
    const columns = this.columns.filter((name) => !sameValue(old[name], row[name]));
    for (const name in old) if (!(name in this.#template)) columns.push(name);
    return columns;
  }
}

function attempt(
  decode: () => ColumnValue,
  fallback: ColumnValue,
  report: (problem: Error) => void,
): ColumnValue {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    report(error);
    return fallback;
  }
}
