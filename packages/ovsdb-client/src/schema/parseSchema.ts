import { abbreviate, isJsonObject, type JsonObject, type JsonValue } from '../wire/json.js';
import type {
  Atom,
  AtomicType,
  BaseType,
  ColumnSchema,
  ColumnType,
  DatabaseSchema,
  TableSchema,
} from './schemaTypes.js';

/** A schema that does not follow RFC 7047 section 3.2; the message names the table and column. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
}

const ID = /^[A-Za-z_][A-Za-z0-9_]*$/;
const ATOMIC_TYPES: readonly string[] = ['integer', 'real', 'boolean', 'string', 'uuid'];

/** Checks and converts a database-schema: the contents of an .ovsschema file or the reply to get_schema. */
export function parseSchema(json: unknown): DatabaseSchema {
  if (!isJsonObject(json))
    throw new SchemaError(`a database schema is a JSON object, not ${abbreviate(json)}`);
  const { name, version, cksum, tables } = json as JsonObject;
  if (typeof name !== 'string' || !ID.test(name))
    throw new SchemaError(`the schema has no valid name: ${abbreviate(name)}`);
  return {
    name,
    version: typeof version === 'string' ? version : '',
    ...(typeof cksum === 'string' ? { cksum } : {}),
    tables: parseMembers(tables, name, parseTable),
  };
}

function parseMembers<T>(
  json: JsonValue | undefined,
  where: string,
  parse: (name: string, json: JsonObject, where: string) => T,
): Map<string, T> {
  if (!isJsonObject(json)) throw new SchemaError(`${where}: an object was expected, not ${abbreviate(json)}`);
  const members = new Map<string, T>();
  for (const [name, member] of Object.entries(json)) {
    if (!ID.test(name) || name === '__proto__')
      throw new SchemaError(`${where}: ${abbreviate(name)} is no valid name`);
    if (!isJsonObject(member))
      throw new SchemaError(`${where}.${name}: an object was expected, not ${abbreviate(member)}`);
    members.set(name, parse(name, member, `${where}.${name}`));
  }
  return members;
}

function parseTable(name: string, json: JsonObject, where: string): TableSchema {
  const indexes = json.indexes ?? [];
  if (!Array.isArray(indexes) || !indexes.every((index) => Array.isArray(index) && index.every(isString))) {
    throw new SchemaError(`${where}: indexes must be lists of column names`);
  }
  return {
    name,
    columns: parseMembers(json.columns, where, parseColumn),
    maxRows: typeof json.maxRows === 'number' ? json.maxRows : Number.POSITIVE_INFINITY,
    isRoot: json.isRoot === true,
    indexes: indexes as unknown as string[][],
  };
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function parseColumn(name: string, json: JsonObject, where: string): ColumnSchema {
  return {
    name,
    type: parseColumnType(json.type, where),
    ephemeral: json.ephemeral === true,
    mutable: json.mutable !== false,
  };
}

function parseColumnType(json: JsonValue | undefined, where: string): ColumnType {
  if (typeof json === 'string') return { key: parseBaseType(json, where), min: 1, max: 1 };
  if (!isJsonObject(json))
    throw new SchemaError(`${where}: type is ${abbreviate(json)}, not a name or an object`);
  const { min = 1, max = 1 } = json;
  if (min !== 0 && min !== 1) throw new SchemaError(`${where}: min is ${abbreviate(min)}, not 0 or 1`);
  if (max !== 'unlimited' && !(typeof max === 'number' && Number.isInteger(max) && max >= 1)) {
    throw new SchemaError(`${where}: max is ${abbreviate(max)}, not a positive integer or "unlimited"`);
  }
  return {
    key: parseBaseType(json.key, where),
    ...(json.value === undefined ? {} : { value: parseBaseType(json.value, where) }),
    min,
    max: max === 'unlimited' ? Number.POSITIVE_INFINITY : max,
  };
}

function parseBaseType(json: JsonValue | undefined, where: string): BaseType {
  const object: JsonObject | undefined =
    typeof json === 'string' ? { type: json } : isJsonObject(json) ? json : undefined;
  if (typeof object?.type !== 'string' || !ATOMIC_TYPES.includes(object.type)) {
    throw new SchemaError(`${where}: ${abbreviate(json)} is no OVSDB type`);
  }
  const base: Record<string, unknown> = { type: object.type as AtomicType };
  if (object.enum !== undefined) base.enum = parseEnum(object.enum, where);
  for (const limit of ['minInteger', 'maxInteger', 'minReal', 'maxReal', 'minLength', 'maxLength']) {
    if (object[limit] === undefined) continue;
    if (typeof object[limit] !== 'number') throw new SchemaError(`${where}: ${limit} is no number`);
    base[limit] = object[limit];
  }
  if (object.refTable !== undefined) {
    if (!isString(object.refTable)) throw new SchemaError(`${where}: refTable is no table name`);
    base.refTable = object.refTable;
    base.refType = object.refType === 'weak' ? 'weak' : 'strong';
  }
  return base as unknown as BaseType;
}

/** An enum is a set of atoms: `["set", [...]]`, or the atom itself when there is one. */
function parseEnum(json: JsonValue, where: string): Atom[] {
  const atoms =
    Array.isArray(json) && json[0] === 'set' && Array.isArray(json[1]) ? (json[1] as JsonValue[]) : [json];
  return atoms.map((atom) => {
    if (isString(atom) || typeof atom === 'number' || typeof atom === 'boolean') return atom;
    throw new SchemaError(`${where}: enum has ${abbreviate(atom)}, which is no atom`);
  });
}
