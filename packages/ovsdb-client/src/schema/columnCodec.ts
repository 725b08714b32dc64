import { abbreviate, type JsonValue } from '../wire/json.js';
import { compareAtoms, decodeAtom, defaultAtom } from './atom.js';
import type { ColumnValue } from './columnValue.js';
import { type Atom, type ColumnShape, type ColumnType, columnShape } from './schemaTypes.js';
import { ValueError } from './valueError.js';

const EMPTY_SET: readonly Atom[] = Object.freeze([]);
const EMPTY_MAP: ReadonlyMap<Atom, Atom> = new Map();

/** The keys of maps are the same few texts in row after row: one copy of each is kept. */
const KEYS_KEPT = 4096;
const knownKeys = new Map<Atom, Atom>();

function shared(key: Atom): Atom {
  const known = knownKeys.get(key);
  if (known !== undefined) return known;
  if (knownKeys.size >= KEYS_KEPT) knownKeys.clear();
  knownKeys.set(key, key);
  return key;
}

/** Told about an element that was left out because it does not fit the column's type. */
export type ReportSkipped = (problem: ValueError) => void;

/** Turns the values of one column from the wire's notation (RFC 7047 section 5.1) into JavaScript ones. */
export class ColumnCodec {
  readonly shape: ColumnShape;
  /** The value in a row that does not mention the column. */
  readonly defaultValue: ColumnValue;
  readonly #type: ColumnType;
  readonly #exact: boolean;

  /** @param exact integers beyond 2^53 are taken, as bigints */
  constructor(type: ColumnType, exact = false) {
    this.#type = type;
    this.#exact = exact;
    this.shape = columnShape(type);
    this.defaultValue = this.#default();
  }

  /**
   * The value `json` stands for. An element of a set or map that does not fit is left out and reported; a value that
   * does not fit as a whole throws ValueError.
   */
  decode(json: JsonValue, report: ReportSkipped): ColumnValue {
    if (this.shape === 'scalar') return decodeAtom(this.#type.key.type, json, this.#exact);
    if (this.shape === 'map') return this.#makeMap(this.#pairs(json, report));
    const atoms = this.#atoms(json, report);
    if (this.shape === 'set') return this.#makeSet(atoms);
    if (atoms.length > 1) throw new ValueError(`${atoms.length} values stand where one at most is allowed`);
    return atoms[0];
  }

  /** The new value after a "modify" of update2 and update3, which carries a difference (ovsdb-server(7), 4.1.14). */
  applyDifference(old: ColumnValue, json: JsonValue, report: ReportSkipped): ColumnValue {
    if (this.#type.max === 1) return this.decode(json, report);
    if (this.shape === 'set') {
      const toggled = new Set(this.#atoms(json, report));
      const kept = (old as readonly Atom[]).filter((atom) => !toggled.delete(atom));
      return this.#makeSet([...kept, ...toggled]);
    }
    const result = new Map(old as ReadonlyMap<Atom, Atom>);
    for (const [key, value] of this.#pairs(json, report)) {
      if (result.get(key) === value) result.delete(key);
      else result.set(key, value);
    }
    return this.#makeMap([...result]);
  }

  #default(): ColumnValue {
    if (this.shape === 'map') return EMPTY_MAP;
    if (this.#type.min === 0) return this.shape === 'set' ? EMPTY_SET : undefined;
    const atom = defaultAtom(this.#type.key.type);
    return this.shape === 'set' ? Object.freeze([atom]) : atom;
  }

  /** A set is `["set", [atom…]]`; one of exactly one element may be the bare atom. */
  #atoms(json: JsonValue, report: ReportSkipped): Atom[] {
    const type = this.#type.key.type;
    if (!(Array.isArray(json) && json[0] === 'set')) return [decodeAtom(type, json, this.#exact)];
    if (!Array.isArray(json[1])) throw new ValueError(`${abbreviate(json)} is no set`);
    return this.#collect(json[1], (element) => decodeAtom(type, element, this.#exact), report);
  }

  #pairs(json: JsonValue, report: ReportSkipped): [Atom, Atom][] {
    if (!(Array.isArray(json) && json[0] === 'map' && Array.isArray(json[1]))) {
      throw new ValueError(`${abbreviate(json)} is no map`);
    }
    const key = this.#type.key.type;
    const value = this.#type.value!.type;
    const decodePair = (pair: JsonValue): [Atom, Atom] => {
      if (!Array.isArray(pair) || pair.length !== 2)
        throw new ValueError(`${abbreviate(pair)} is no key-value pair`);
      return [shared(decodeAtom(key, pair[0], this.#exact)), decodeAtom(value, pair[1], this.#exact)];
    };
    return this.#collect(json[1], decodePair, report);
  }

  #collect<T>(elements: readonly JsonValue[], decode: (element: JsonValue) => T, report: ReportSkipped): T[] {
    const decoded: T[] = [];
    for (const element of elements) {
      try {
        decoded.push(decode(element));
      } catch (error) {
        report(error as ValueError);
      }
    }
    return decoded;
  }

  #makeSet(atoms: Atom[]): readonly Atom[] {
    if (atoms.length === 0) return EMPTY_SET;
    for (let i = 1; i < atoms.length; i++) {
      if (compareAtoms(atoms[i - 1]!, atoms[i]!) > 0) {
        atoms.sort(compareAtoms);
        break;
      }
    }
    return Object.freeze(atoms);
  }

  #makeMap(pairs: [Atom, Atom][]): ReadonlyMap<Atom, Atom> {
    if (pairs.length === 0) return EMPTY_MAP;
    for (let i = 1; i < pairs.length; i++) {
      if (compareAtoms(pairs[i - 1]![0], pairs[i]![0]) > 0) {
        pairs.sort((a, b) => compareAtoms(a[0], b[0]));
        break;
      }
    }
    return new Map(pairs);
  }
}
