import type { JsonValue } from './json.js';

/**
 * Integers of JSON text beyond 2^53, which OVSDB has (its integers are 64 bits wide) and a JavaScript number cannot hold.
 * While a message is a JsonValue such an integer is the array [mark, its digits]. No OVSDB value looks like that: an
 * ovsdb-server neither sends nor takes a string with a NUL.
 */
const mark = '\u0000integer';
const markText = JSON.stringify(mark);

const sixteenDigits = /[0-9]{16}/;
const marked = new RegExp(`\\[${markText.replaceAll('\\', '\\\\')},"(-?[0-9]+)"\\]`, 'g');

/** JSON text in which no integer is beyond 2^53. Costs one native search where there is no long run of digits to begin with. */
export function markExactIntegers(text: string): string {
  if (!sixteenDigits.test(text)) return text;
  const runs = /-?[0-9]{16,}/g;
  const pieces: string[] = [];
  let copied = 0;
  let outside = 0;
  for (let run = runs.exec(text); run; run = runs.exec(text)) {
    const [digits] = run;
    outside = skipStrings(text, outside, run.index);
    if (outside > run.index) runs.lastIndex = outside;
    else if (!partOfReal(text, run.index, digits.length) && !Number.isSafeInteger(Number(digits))) {
      pieces.push(text.slice(copied, run.index), `[${markText},"${digits}"]`);
      copied = runs.lastIndex;
    }
  }
  pieces.push(text.slice(copied));
  return pieces.join('');
}

/** The first place outside of a string that is not before `target`; `from` is outside of strings. */
function skipStrings(text: string, from: number, target: number): number {
  let at = from;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote === -1 || quote > target) return target;
    at = quote + 1;
    while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
    at += 1;
    if (at > target) return at;
  }
}

/** A fraction, an exponent, or digits before one. */
function partOfReal(text: string, at: number, length: number): boolean {
  return /[.eE+0-9]/.test(text[at - 1] ?? '') || /[.eE]/.test(text[at + length] ?? '');
}

/** What stands for `value` in a JsonValue. */
export function exactInteger(value: bigint): JsonValue {
  return [mark, value.toString()];
}

/** The integer that `json` stands for; undefined when it is something else. */
export function readExactInteger(json: JsonValue): bigint | undefined {
  const isOne = Array.isArray(json) && json.length === 2 && json[0] === mark && typeof json[1] === 'string';
  return isOne && /^-?[0-9]+$/.test(json[1] as string) ? BigInt(json[1] as string) : undefined;
}

/** JSON text of a message, its exact integers as plain digits. */
export function stringifyExact(message: object): string {
  const text = JSON.stringify(message);
  return text.includes(markText) ? text.replace(marked, '$1') : text;
}
