import { isUtf8 } from 'node:buffer';
import { markExactIntegers } from './exactInteger.js';
import type { JsonValue } from './json.js';
import { WireError } from './wireError.js';

/** JSON.parse for received bytes between two added brackets, integers beyond 2^53 marked; throws WireError for broken JSON and broken UTF-8. */
export function parseJson(text: Buffer, open = '', close = ''): unknown {
  if (!isUtf8(text)) throw new WireError('the peer sent text that is not UTF-8');
  try {
    return JSON.parse(markExactIntegers(`${open}${text.toString('utf8')}${close}`));
  } catch (error) {
    throw new WireError(`the peer sent broken JSON: ${(error as Error).message}`);
  }
}

/** Parses the items of an array without its brackets. */
export function parseItems(text: Buffer): JsonValue[] {
  return parseJson(text, '[', ']') as JsonValue[];
}

/**
 * Parses the members of an object without its braces; overwrites `text`.
 *
 * It is parsed as an array of names and values, because V8 puts each name of a parsed object into a table of unique
 * strings. With hundreds of thousands of row UUIDs for names, that table makes garbage collections twice as long and
 * blocks for tens of milliseconds whenever it grows.
 */
export function parseMembers(text: Buffer): [string, JsonValue][] {
  colonsToCommas(text);
  const flat = parseItems(text);
  const members: [string, JsonValue][] = [];
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i];
    if (typeof name !== 'string')
      throw new WireError('the peer sent a JSON object with a name that is no string');
    members.push([name, flat[i + 1]!]);
  }
  return members;
}

/** Overwrites the colons between names and values, but not those inside of values; checks that there are no others. */
function colonsToCommas(text: Buffer): void {
  let depth = 0;
  let valueExpected = false;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at];
    if (byte === 0x22) {
      at = endOfString(text, at + 1);
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
    } else if (byte === 0x7d || byte === 0x5d) {
      depth -= 1;
    } else if (depth === 0 && (byte === 0x3a || byte === 0x2c)) {
      if ((byte === 0x3a) === valueExpected)
        throw new WireError('the peer sent broken JSON: an object has no pairs');
      valueExpected = byte === 0x3a;
      text[at] = 0x2c;
    }
  }
  if (!valueExpected) throw new WireError('the peer sent broken JSON: an object has a name without a value');
}

function endOfString(text: Buffer, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== 0x22) at += text[at] === 0x5c ? 2 : 1;
  return at;
}
