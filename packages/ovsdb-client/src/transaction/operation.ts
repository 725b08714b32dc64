import { type Condition, columnType, encodeCondition } from '../schema/condition.js';
import { encodeAtom, encodeKeys, encodeValue } from '../schema/encodeValue.js';
import type { NamedUuid } from '../schema/namedUuid.js';
import { columnShape, type DatabaseSchema, type TableSchema } from '../schema/schemaTypes.js';
import { ValueError } from '../schema/valueError.js';
import type { JsonObject, JsonValue } from '../wire/json.js';

export type Mutator = '+=' | '-=' | '*=' | '/=' | '%=' | 'insert' | 'delete';

/** One mutation of RFC 7047 section 5.1: column, mutator, value. */
export type Mutation = readonly [column: string, mutator: Mutator, value: unknown];

/** An operation (RFC 7047 section 5.2) in JavaScript values, as a Transaction keeps it until it is committed. */
export type Operation =
  | { readonly op: 'insert'; readonly table: string; readonly row: object; readonly as: NamedUuid }
  | {
      readonly op: 'update';
      readonly table: string;
      readonly where: readonly Condition[];
      readonly row: object;
    }
  | {
      readonly op: 'mutate';
      readonly table: string;
      readonly where: readonly Condition[];
      readonly mutations: readonly Mutation[];
    }
  | { readonly op: 'delete'; readonly table: string; readonly where: readonly Condition[] }
  | {
      readonly op: 'select';
      readonly table: string;
      readonly where: readonly Condition[];
      readonly columns: readonly string[] | undefined;
    }
  | {
      readonly op: 'wait';
      readonly table: string;
      readonly where: readonly Condition[];
      readonly columns: readonly string[];
      readonly rows: readonly object[];
      readonly until: '==' | '!=';
      readonly timeoutMs: number | undefined;
    }
  | { readonly op: 'comment'; readonly comment: string }
  | { readonly op: 'assert'; readonly lock: string }
  | { readonly op: 'commit'; readonly durable: boolean }
  | { readonly op: 'abort' };

const MUTATORS: readonly string[] = ['+=', '-=', '*=', '/=', '%=', 'insert', 'delete'];

/** The operation on the wire. Throws ValueError, naming table and column, for what the schema does not allow. */
export function encodeOperation(schema: DatabaseSchema, operation: Operation): JsonObject {
  if (!('table' in operation)) return { ...operation };
  const { op } = operation;
  const table = schema.tables.get(operation.table);
  if (!table) throw new ValueError(`${op}: database ${schema.name} has no table ${operation.table}`);
  const base = { op, table: table.name };
  if (op === 'insert') {
    const { as } = operation;
    const id: JsonObject = as.uuid === undefined ? { 'uuid-name': as.name } : { uuid: as.uuid };
    return { ...base, row: encodeRow(table, operation.row, true), ...id };
  }
  const where = operation.where.map((condition) => encodeCondition(table, condition));
  switch (op) {
    case 'update':
      return { ...base, where, row: encodeRow(table, operation.row) };
    case 'mutate':
      return {
        ...base,
        where,
        mutations: operation.mutations.map((mutation) => encodeMutation(table, mutation)),
      };
    case 'delete':
      return { ...base, where };
    case 'select':
      return operation.columns ? { ...base, where, columns: operation.columns } : { ...base, where };
    case 'wait': {
      const { columns, until, timeoutMs } = operation;
      const rows = operation.rows.map((row) => encodeRow(table, row));
      return {
        ...base,
        where,
        columns,
        until,
        rows,
        ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
      };
    }
  }
}

/** In an insert, undefined means "not given"; elsewhere it is the empty optional value. `_uuid` is skipped. */
function encodeRow(table: TableSchema, row: object, insert = false): JsonObject {
  const encoded: Record<string, JsonValue> = {};
  for (const [column, value] of Object.entries(row)) {
    if (column === '_uuid' || column === '_version' || (insert && value === undefined)) continue;
    const type = columnType(table, column);
    encoded[column] = inColumn(table, column, () => encodeValue(type, value));
  }
  return encoded;
}

function encodeMutation(table: TableSchema, [column, mutator, value]: Mutation): JsonValue {
  const type = columnType(table, column);
  if (!MUTATORS.includes(mutator)) throw new ValueError(`"${mutator}" is no OVSDB mutator`);
  return inColumn(table, column, () => {
    if (mutator !== 'insert' && mutator !== 'delete')
      return [column, mutator, encodeAtom(type.key.type, value)];
    const keysOnly =
      mutator === 'delete' && columnShape(type) === 'map' && (Array.isArray(value) || value instanceof Set);
    if (keysOnly) return [column, mutator, encodeKeys(type, value)];
    return [column, mutator, encodeValue({ ...type, max: Number.POSITIVE_INFINITY }, value)];
  });
}

function inColumn(table: TableSchema, column: string, encode: () => JsonValue): JsonValue {
  try {
    return encode();
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new ValueError(`${table.name}.${column}: ${error.message}`);
  }
}
