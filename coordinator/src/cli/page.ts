import type { Problem } from '@iovisor-ovn/proto';

/** Pages about one thing: a title at the left, what belongs to it beside or below. */
const width = 13;

export function titled(title: string, text: string): string {
  return `${title.padEnd(width)}${text}`;
}

/** A title with a line for each of the texts, or "none". */
export function listed(title: string, texts: readonly string[]): string[] {
  if (texts.length === 0) return [titled(title, 'none')];
  return [title, ...texts.map((text) => `  ${text}`)];
}

/** A database row as ovn-nbctl and ovn-sbctl list it. */
export function rowLines(title: string, table: string, columns: Readonly<Record<string, string>>): string[] {
  const { _uuid: uuid, ...rest } = columns;
  if (uuid === undefined) return [titled(title, `no ${table}`)];
  const longest = Math.max(0, ...Object.keys(rest).map((name) => name.length));
  const values = Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    titled(title, `${table} ${uuid}`),
    ...values.map(([name, value]) => `  ${name.padEnd(longest)} : ${value}`),
  ];
}

/** A problem on one line. */
export function problemText({ where, table, name, column, message, since }: Problem): string {
  const place = [where, table, name, column].filter(Boolean).join(' ');
  return `${place}: ${message} (since ${since.replace(/\.\d+Z$/, 'Z')})`;
}
