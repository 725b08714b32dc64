import type { JsonValue } from './json.js';
import { parseItems, parseJson, parseMembers } from './parseText.js';
import { nextSlice, sliceExpired } from './timeSlice.js';
import { WireError } from './wireError.js';

/** A JSON value whose text was too long to parse in one go: see {@link LargeContainer}. */
export type MaybeLarge = JsonValue | LargeContainer;

type Part = { readonly text: Buffer } | { readonly key: string; readonly child: LargeContainer };

/**
 * A JSON object or array that is kept as text, cut between its members into pieces of some 32 KB. The text lives
 * outside the JavaScript heap, so a snapshot of 100 MB costs the garbage collector nothing until it is walked, and a
 * walk parses one piece at a time. Members that are themselves long are nested LargeContainers.
 *
 * Walking consumes: a piece is released as soon as it was handed out.
 */
export class LargeContainer {
  readonly kind: 'object' | 'array';
  #parts: Part[] = [];
  #afterChild = false;
  #afterComma = false;

  constructor(kind: 'object' | 'array') {
    this.kind = kind;
  }

  /**
   * Adds the text up to a separating comma (`final` false; the comma itself not included) or up to the closing
   * bracket (`final` true). Throws WireError when the commas cannot be right.
   */
  addText(text: Buffer, final: boolean): void {
    let start = skipBlank(text, 0);
    const empty = start === text.length;
    if (this.#afterChild) {
      if (!empty) {
        if (text[start] !== 0x2c)
          throw new WireError('a comma is missing between two members of a JSON value');
        start += 1;
        if (skipBlank(text, start) === text.length) throw new WireError('a JSON value has a comma too many');
      }
    } else if (empty && (!final || this.#afterComma)) {
      throw new WireError('a JSON value has a comma too many');
    }
    if (!empty) this.#parts.push({ text: text.subarray(start) });
    this.#afterChild = false;
    this.#afterComma = !final;
  }

  /** Adds a long member; `prefix` is the text in front of its opening bracket: its name and a colon, or nothing. */
  addChild(prefix: Buffer, child: LargeContainer): void {
    if (this.#afterChild) throw new WireError('a comma is missing between two members of a JSON value');
    this.#parts.push({ key: this.kind === 'object' ? parseName(prefix) : requireBlank(prefix), child });
    this.#afterChild = true;
    this.#afterComma = false;
  }

  /**
   * The members, long ones still as LargeContainer. Only for containers with few members (a JSON-RPC message, the
   * parameters of a notification): it parses everything that is not long at once.
   */
  members(): [string, MaybeLarge][] {
    const members: [string, MaybeLarge][] = [];
    for (const part of this.#drain()) {
      if ('child' in part) members.push([part.key, part.child]);
      else for (const member of this.#parse(part.text)) members.push(member);
    }
    return members;
  }

  /** Calls `visit` for each member in order, leaving the event loop its turn between slices of work. */
  async forEach(visit: (name: string, value: MaybeLarge) => void | Promise<void>): Promise<void> {
    for (const part of this.#drain()) {
      if (sliceExpired()) await nextSlice();
      const members: Iterable<[string, MaybeLarge]> =
        'child' in part ? [[part.key, part.child]] : this.#parse(part.text);
      for (const [name, value] of members) {
        const pending = visit(name, value);
        if (pending) await pending;
        if (sliceExpired()) await nextSlice();
      }
    }
  }

  /** The whole as ordinary JSON, built in slices. */
  async materialize(): Promise<JsonValue> {
    const items: JsonValue[] = [];
    const object: Record<string, JsonValue> = {};
    await this.forEach(async (name, value) => {
      const plain = value instanceof LargeContainer ? await value.materialize() : value;
      if (this.kind === 'array') items.push(plain);
      else defineMember(object, name, plain);
    });
    return this.kind === 'array' ? items : object;
  }

  *#drain(): Generator<Part> {
    const parts = this.#parts.reverse();
    this.#parts = [];
    for (let part = parts.pop(); part; part = parts.pop()) yield part;
  }

  #parse(text: Buffer): [string, JsonValue][] {
    return this.kind === 'object' ? parseMembers(text) : parseItems(text).map((item) => ['', item]);
  }
}

/** Plain assignment would call the setter of `__proto__`; JSON.parse does not either. */
function defineMember(object: Record<string, JsonValue>, name: string, value: JsonValue): void {
  if (name === '__proto__') Object.defineProperty(object, name, { value, enumerable: true });
  else object[name] = value;
}

function skipBlank(text: Buffer, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const byte = text[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
  }
  return at;
}

function requireBlank(prefix: Buffer): string {
  if (skipBlank(prefix, 0) !== prefix.length) throw new WireError('a comma is missing in a JSON array');
  return '';
}

function parseName(prefix: Buffer): string {
  const names = Object.keys(parseJson(prefix, '{', '0}') as object);
  if (names.length !== 1) throw new WireError('a member of a JSON object has no name');
  return names[0]!;
}
