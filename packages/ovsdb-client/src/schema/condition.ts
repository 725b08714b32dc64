import type { JsonValue } from '../wire/json.js';
import { compareAtoms } from './atom.js';
import { type ColumnValue, sameValue } from './columnValue.js';
import { encodeAtom, encodeValue } from './encodeValue.js';
import type { GenericRow } from './rowCodec.js';
import { type Atom, type ColumnType, columnShape, type TableSchema } from './schemaTypes.js';
import { ValueError } from './valueError.js';

export type ConditionFunction = '<' | '<=' | '==' | '!=' | '>=' | '>' | 'includes' | 'excludes';

/** A clause of a `where` (RFC 7047 section 5.1): column, function, value. */
export type Condition = readonly [column: string, comparison: ConditionFunction, value: unknown];

/** The clause that selects the row with this UUID. */
export function byUuid(uuid: unknown): Condition {
  return ['_uuid', '==', uuid];
}

const FUNCTIONS: readonly string[] = ['<', '<=', '==', '!=', '>=', '>', 'includes', 'excludes'];
const UUID_TYPE: ColumnType = { key: { type: 'uuid' }, min: 1, max: 1 };

/** The type of a column, also of the columns every table has; throws ValueError when there is no such column. */
export function columnType(table: TableSchema, column: string): ColumnType {
  if (column === '_uuid' || column === '_version') return UUID_TYPE;
  const schema = table.columns.get(column);
  if (!schema) throw new ValueError(`table ${table.name} has no column ${column}`);
  return schema.type;
}

/** A clause in the wire's notation; throws ValueError when the column, function or value is not valid. */
export function encodeCondition(table: TableSchema, [column, comparison, value]: Condition): JsonValue {
  const type = columnType(table, column);
  if (!FUNCTIONS.includes(comparison)) throw new ValueError(`"${comparison}" is no OVSDB comparison`);
  try {
    const ordering = comparison.startsWith('<') || comparison.startsWith('>');
    return [column, comparison, ordering ? encodeAtom(type.key.type, value) : encodeValue(type, value)];
  } catch (error) {
    throw new ValueError(`condition on ${table.name}.${column}: ${(error as Error).message}`);
  }
}

/** Evaluates a clause as the server would; `wanted` is its value as a column of that type would hold it. */
export function matchesCondition(
  type: ColumnType,
  row: GenericRow,
  [column, comparison]: Condition,
  wanted: ColumnValue,
): boolean {
  const actual = row[column];
  switch (comparison) {
    case '==':
      return sameValue(actual, wanted);
    case '!=':
      return !sameValue(actual, wanted);
    case 'includes':
      return elements(type, wanted).every((element) => elements(type, actual).includes(element));
    case 'excludes':
      return !elements(type, wanted).some((element) => elements(type, actual).includes(element));
    default:
      return actual !== undefined && ordered(comparison, compareAtoms(actual as Atom, wanted as Atom));
  }
}

function ordered(comparison: ConditionFunction, order: number): boolean {
  if (comparison === '<') return order < 0;
  if (comparison === '<=') return order <= 0;
  return comparison === '>' ? order > 0 : order >= 0;
}

/** The elements of a value as comparable texts or atoms; a map's are its pairs. */
function elements(type: ColumnType, value: ColumnValue): unknown[] {
  if (value === undefined) return [];
  const shape = columnShape(type);
  if (shape === 'map') return [...(value as ReadonlyMap<Atom, Atom>)].map((pair) => JSON.stringify(pair));
  return shape === 'set' ? [...(value as readonly Atom[])] : [value];
}
