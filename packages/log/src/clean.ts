/** Characters that move the cursor, change colours, reorder, or are not seen: control characters, and those of Unicode. */
export const unsafe =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Text for a terminal: what would do something to it is shown escaped, so that one value is one line. */
export function clean(text: string): string {
  return text.replace(unsafe, (one) => short[one] ?? escaped(one));
}

function escaped(one: string): string {
  const code = one.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
}
