import { clean, unsafe } from '@iovisor-ovn/log/clean';
import pc from 'picocolors';

export { clean };

/** Colours for standard output: only on a terminal, and not with NO_COLOR. */
export const colors = pc.createColors(Boolean(process.stdout.isTTY) && !process.env.NO_COLOR);

/** The same for what a reply consists of; bytes and numbers stay as they are. */
export function cleaned<T>(value: T): T {
  if (typeof value === 'string') return clean(value) as T;
  if (Array.isArray(value)) return value.map((one) => cleaned(one)) as T;
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [clean(key), cleaned(one)])) as T;
}

/** JSON says the same when these are written as \uXXXX, and does nothing to a terminal. */
export function safeJson(json: string): string {
  return json.replace(unsafe, (one) =>
    one === '\n' ? one : `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Two columns wide: East Asian scripts and emoji. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const combining = /^[\p{Mn}\p{Me}]$/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: plain ASCII is what is looked for
const ascii = /^[\x00-\x7f]*$/;

function charWidth(char: string): number {
  if (combining.test(char)) return 0;
  return wide.test(char) ? 2 : 1;
}

/** Columns that cleaned text takes on a terminal. */
export function displayWidth(text: string): number {
  if (ascii.test(text)) return text.length;
  let sum = 0;
  for (const char of text) sum += charWidth(char);
  return sum;
}

/** Cleaned text in at most `width` columns; an ellipsis stands for what is left out. */
export function truncate(text: string, width: number): string {
  if (text.length <= width && displayWidth(text) <= width) return text;
  let [kept, used] = ['', 0];
  for (const char of text) {
    const more = charWidth(char);
    if (used + more > width - 1) break;
    kept += char;
    used += more;
  }
  return `${kept}…`;
}
