import { isUuid } from '../schema/atom.js';
import { type GenericRow, RowCodec } from '../schema/rowCodec.js';
import type { DatabaseSchema } from '../schema/schemaTypes.js';
import { isJsonObject, type JsonObject, type JsonValue } from '../wire/json.js';
import { WireError } from '../wire/wireError.js';
import type { Operation } from './operation.js';
import { TransactionError } from './transactionError.js';

/** What an operation brought; one per operation, in their order. */
export interface OperationResult {
  /** insert: UUID of the new row. */
  readonly uuid?: string;
  /** update, mutate, delete: number of rows concerned. */
  readonly count?: number;
  /** select: the rows, with the columns asked for. */
  readonly rows?: readonly GenericRow[];
}

/** Told about a selected value that cannot be held and was left out: the transaction has been done all the same. */
export type ReportUnreadable = (
  where: { table: string; uuid: string; column: string },
  message: string,
) => void;

/** Reads the reply to transact (RFC 7047 section 4.1.3); throws TransactionError when the transaction failed. */
export function parseResults(
  schema: DatabaseSchema,
  operations: readonly Operation[],
  reply: JsonValue,
  report: ReportUnreadable,
): OperationResult[] {
  if (!Array.isArray(reply)) throw new WireError('the reply to transact is not an array');
  const results = reply as readonly JsonValue[];
  for (const [index, result] of results.entries()) {
    if (isJsonObject(result) && typeof result.error === 'string') throw toError(operations, index, result);
  }
  return operations.map((operation, index) => parseResult(schema, operation, results[index] ?? null, report));
}

function toError(operations: readonly Operation[], index: number, result: JsonObject): TransactionError {
  const details = typeof result.details === 'string' ? result.details : undefined;
  const operation = operations[index];
  const where = operation && {
    index,
    op: operation.op,
    table: 'table' in operation ? operation.table : undefined,
  };
  return new TransactionError(result.error as string, details, where);
}

function parseResult(
  schema: DatabaseSchema,
  operation: Operation,
  result: JsonValue,
  report: ReportUnreadable,
): OperationResult {
  if (!isJsonObject(result)) return {};
  if (Array.isArray(result.uuid) && isUuid(result.uuid[1])) return { uuid: result.uuid[1] };
  if (typeof result.count === 'number') return { count: result.count };
  if (operation.op !== 'select' || !Array.isArray(result.rows)) return {};
  const table = schema.tables.get(operation.table)!;
  const codec = new RowCodec(table, operation.columns ?? table.columns.keys());
  return { rows: (result.rows as JsonValue[]).map((row) => parseRow(codec, operation.table, row, report)) };
}

function parseRow(codec: RowCodec, table: string, json: JsonValue, report: ReportUnreadable): GenericRow {
  if (!isJsonObject(json)) throw new WireError(`select ${table}: a row is not an object`);
  const uuid = Array.isArray(json._uuid) && isUuid(json._uuid[1]) ? json._uuid[1] : '';
  return codec.full(uuid, json, (_uuid, column, message) => report({ table, uuid, column }, message));
}
