import { exactInteger } from '../wire/exactInteger.js';
import { abbreviate, type JsonValue } from '../wire/json.js';
import { isUuid } from './atom.js';
import { NamedUuid } from './namedUuid.js';
import { type AtomicType, type ColumnType, columnShape } from './schemaTypes.js';
import { ValueError } from './valueError.js';

/**
 * A JavaScript value in the wire's notation for a column of `type` (RFC 7047 section 5.1). Sets are arrays or Sets (a
 * bare atom is a set of one), maps are Maps or plain objects, an absent optional value is undefined or null, a uuid may
 * be a NamedUuid. Throws ValueError when the value does not fit.
 */
export function encodeValue(type: ColumnType, value: unknown): JsonValue {
  const shape = columnShape(type);
  if (shape === 'scalar') return encodeAtom(type.key.type, value);
  if (shape === 'map') return ['map', encodePairs(type, value)];
  return encodeSet(type, value);
}

/** As {@link encodeValue}, for the argument of an arithmetic mutation or of a comparison: a bare atom. */
export function encodeAtom(type: AtomicType, value: unknown): JsonValue {
  switch (type) {
    case 'string':
      if (typeof value === 'string') return value;
      break;
    case 'boolean':
      if (typeof value === 'boolean') return value;
      break;
    case 'integer':
      if (Number.isSafeInteger(value)) return value as number;
      if (typeof value === 'bigint' && BigInt.asIntN(64, value) === value) return encodeInteger(value);
      break;
    case 'real':
      if (typeof value === 'number' && Number.isFinite(value)) return value;
      break;
    case 'uuid':
      if (value instanceof NamedUuid) return value.uuid ? ['uuid', value.uuid] : ['named-uuid', value.name];
      if (isUuid(value)) return ['uuid', value];
  }
  throw new ValueError(`${describe(value)} is not of type ${type}`);
}

function encodeInteger(value: bigint): JsonValue {
  return Number.isSafeInteger(Number(value)) ? Number(value) : exactInteger(value);
}

/** As {@link encodeValue} for the keys of a map alone: what the mutation "delete" takes besides pairs. */
export function encodeKeys(type: ColumnType, value: Iterable<unknown>): JsonValue {
  return ['set', Array.from(value, (key) => encodeAtom(type.key.type, key))];
}

function encodeSet(type: ColumnType, value: unknown): JsonValue {
  if (value === undefined || value === null) return ['set', []];
  const elements: unknown[] = Array.isArray(value) ? value : value instanceof Set ? [...value] : [value];
  const atoms = elements.map((element) => encodeAtom(type.key.type, element));
  if (atoms.length > type.max)
    throw new ValueError(`${atoms.length} values are more than the ${type.max} allowed`);
  return atoms.length === 1 ? atoms[0]! : ['set', atoms];
}

function encodePairs(type: ColumnType, value: unknown): JsonValue[] {
  if (value === undefined || value === null) return [];
  let pairs: Iterable<[unknown, unknown]>;
  if (value instanceof Map) pairs = value;
  else if (isPlainObject(value))
    pairs = Object.entries(value).map(([key, item]) => [convertKey(type, key), item]);
  else throw new ValueError(`${describe(value)} is no map`);
  return Array.from(pairs, ([key, item]) => [
    encodeAtom(type.key.type, key),
    encodeAtom(type.value!.type, item),
  ]);
}

/** The keys of an object literal are strings even where the column's keys are numbers. */
function convertKey(type: ColumnType, key: string): unknown {
  const numeric = type.key.type === 'integer' || type.key.type === 'real';
  return numeric && key.trim() !== '' ? Number(key) : key;
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value) as unknown;
  return prototype === Object.prototype || prototype === null;
}

function describe(value: unknown): string {
  if (typeof value === 'bigint' || typeof value === 'symbol' || typeof value === 'function')
    return `a ${typeof value}`;
  return abbreviate(value);
}
