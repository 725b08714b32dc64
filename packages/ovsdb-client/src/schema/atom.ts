import { readExactInteger } from '../wire/exactInteger.js';
import { abbreviate, type JsonValue } from '../wire/json.js';
import type { Atom, AtomicType } from './schemaTypes.js';
import { ValueError } from './valueError.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** True for the text form of a UUID as OVSDB writes it, in lower case. */
export function isUuid(text: unknown): text is string {
  return typeof text === 'string' && UUID.test(text);
}

/** The value which a column has in a row that does not mention it (RFC 7047 section 5.2.1). */
export function defaultAtom(type: AtomicType): Atom {
  if (type === 'string') return '';
  if (type === 'boolean') return false;
  return type === 'uuid' ? '00000000-0000-0000-0000-000000000000' : 0;
}

/**
 * An atom as the server sent it (RFC 7047 section 5.1); throws ValueError when it is not of `type`, or an integer beyond 2^53 unless those are
 * wanted `exact`, as bigints.
 */
export function decodeAtom(type: AtomicType, json: JsonValue, exact = false): Atom {
  switch (type) {
    case 'string':
      if (typeof json === 'string') return json;
      break;
    case 'uuid':
      if (Array.isArray(json) && json.length === 2 && json[0] === 'uuid' && isUuid(json[1])) return json[1];
      break;
    case 'boolean':
      if (typeof json === 'boolean') return json;
      break;
    case 'real':
      if (typeof json === 'number') return json;
      if (readExactInteger(json) !== undefined) return Number(readExactInteger(json));
      break;
    case 'integer': {
      if (Number.isSafeInteger(json)) return json as number;
      const big = readExactInteger(json);
      if (big !== undefined && exact) return big;
      if (big !== undefined || (typeof json === 'number' && Number.isInteger(json))) {
        throw new ValueError(`the integer ${big ?? json} is beyond what JavaScript can hold exactly (2^53)`);
      }
    }
  }
  throw new ValueError(`${abbreviate(json)} is not of type ${type}`);
}

/** The order in which ovsdb-server sends the elements of a set and the keys of a map. */
export function compareAtoms(a: Atom, b: Atom): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
