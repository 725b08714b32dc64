import { HoverError } from '../graph/index.js';
import type { Json, JsonObject } from '../graph/json.js';

/** JSON as Go's json.Encoder writes it: one value and a line feed, with < > & and some more escaped. */
export function encodeGo(value: unknown): string {
  return `${JSON.stringify(value).replace(/\\[\s\S]|[<>&\u2028\u2029]/g, goEscape)}\n`;
}

function goEscape(text: string): string {
  if (text === '\\b') return '\\u0008';
  if (text === '\\f') return '\\u000c';
  return text.startsWith('\\') ? text : `\\u${text.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Deeper than any request, and no burden to the stack. */
const MAX_DEPTH = 1000;

/** A type that a field of a request may have; `null` always leaves it as it is. */
type FieldType = 'string' | 'strings' | 'object';

interface FieldValues {
  string: string;
  strings: readonly string[];
  object: JsonObject;
}

type Fields<Spec extends Record<string, FieldType>> = { [Name in keyof Spec]?: FieldValues[Spec[Name]] };

/**
 * The first JSON value of a body, as Go's json.Decoder reads it into a struct: names match in any case, unknown fields and what
 * follows the value are ignored, the last of two equal names counts.
 * @throws HoverError in Go's words
 */
export function decodeGo<const Spec extends Record<string, FieldType>>(
  body: string,
  spec: Spec,
): Fields<Spec> {
  const value = firstValue(body);
  const found: Fields<Spec> = {};
  if (value === null) return found;
  if (!isObject(value)) throw wrongType(value, 'struct');
  const names = new Map(Object.keys(spec).map((name) => [name.toLowerCase(), name as keyof Spec]));
  for (const [key, field] of Object.entries(value)) {
    const name = names.get(key.toLowerCase());
    if (name !== undefined && field !== null) found[name] = fieldValue(field, spec[name]!) as never;
  }
  return found;
}

function fieldValue(value: Json, type: FieldType): FieldValues[FieldType] {
  if (type === 'string') return text(value);
  if (type === 'object') {
    if (!isObject(value)) throw wrongType(value, 'map[string]interface {}');
    checkDepth(value);
    return value;
  }
  if (!Array.isArray(value)) throw wrongType(value, '[]string');
  return value.map((one) => (one === null ? '' : text(one)));
}

function text(value: Json): string {
  if (typeof value !== 'string') throw wrongType(value, 'string');
  // Half a surrogate pair is no character.
  return value.replace(/\p{Surrogate}/gu, '\ufffd');
}

/** What is shown again must be fit to be encoded. */
function checkDepth(value: Json, depth = 0): void {
  if (depth > MAX_DEPTH) throw new HoverError('exceeded max depth');
  if (typeof value === 'object' && value !== null)
    for (const one of Object.values(value)) checkDepth(one, depth + 1);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrongType(value: Json, wanted: string): HoverError {
  const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return new HoverError(`json: cannot unmarshal ${kind} into Go value of type ${wanted}`);
}

function firstValue(body: string): Json {
  try {
    return JSON.parse(body) as Json;
  } catch {
    // Something follows, or it is wrong.
  }
  const end = new Scanner(body).value();
  try {
    return JSON.parse(body.slice(0, end)) as Json;
  } catch (error) {
    throw new HoverError(`invalid JSON: ${(error as Error).message}`);
  }
}

const SPACE = /[ \t\r\n]*/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in texts
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
/** Finds where a value ends, or what is wrong with it. */
class Scanner {
  #at = 0;
  #depth = 0;

  constructor(readonly text: string) {}

  /** @returns where the value ends. @throws HoverError */
  value(): number {
    this.#skip(SPACE);
    const next = this.text[this.#at];
    if (next === undefined) throw new HoverError(this.#depth === 0 ? 'EOF' : 'unexpected EOF');
    if (next === '{') this.#list('}', 'object key:value pair', () => this.#member());
    else if (next === '[') this.#list(']', 'array element', () => this.value());
    else if (!this.#skip(STRING) && !this.#skip(SCALAR)) this.#fail('looking for beginning of value');
    return this.#at;
  }

  #list(close: string, what: string, element: () => void): void {
    if (++this.#depth > MAX_DEPTH) throw new HoverError('exceeded max depth');
    this.#at++;
    this.#skip(SPACE);
    if (this.text[this.#at] !== close) {
      for (;;) {
        element();
        this.#skip(SPACE);
        if (this.text[this.#at] !== ',') break;
        this.#at++;
      }
      if (this.text[this.#at] !== close) this.#fail(`after ${what}`);
    }
    this.#at++;
    this.#depth--;
  }

  #member(): void {
    this.#skip(SPACE);
    if (!this.#skip(STRING)) this.#fail('looking for beginning of object key string');
    this.#skip(SPACE);
    if (this.text[this.#at] !== ':') this.#fail('after object key');
    this.#at++;
    this.value();
  }

  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.text);
    if (match !== null) this.#at = pattern.lastIndex;
    return match !== null;
  }

  #fail(where: string): never {
    const found = this.text[this.#at];
    if (found === undefined) throw new HoverError('unexpected EOF');
    throw new HoverError(`invalid character ${goQuote(found)} ${where}`);
  }
}

function goQuote(character: string): string {
  if (character === "'") return "'\\''";
  if (character === '"') return `'"'`;
  return `'${JSON.stringify(character).slice(1, -1)}'`;
}
