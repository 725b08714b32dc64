import { clean } from './clean.js';

const names: Readonly<Record<number, string>> = {
  10: 'TRACE',
  20: 'DEBUG',
  30: 'INFO',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
};
const colour: Readonly<Record<string, string>> = {
  WARN: '33',
  ERROR: '31',
  FATAL: '31;1',
  DEBUG: '2',
  TRACE: '2',
};
/** Not shown as fields: they are elsewhere in the line, or the same in each. */
const known: ReadonlySet<string> = new Set(['level', 'time', 'msg', 'pid', 'hostname', 'name']);

/** A JSON line of pino for people: time, level, message, fields. A line that is none stays as it is, cleaned. */
export function pretty(line: string, colours: boolean): string {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return `${clean(line.trimEnd())}\n`;
  }
  const level = names[Number(entry.level)] ?? String(entry.level);
  const paint = (text: string, code: string | undefined) =>
    colours && code !== undefined ? `\u001b[${code}m${text}\u001b[0m` : text;
  const time = new Date(Number(entry.time)).toISOString().slice(11, 23);
  const fields = Object.entries(entry).filter(([name]) => !known.has(name));
  const stacks = fields.flatMap(([, value]) => stackOf(value));
  const shown = fields.map(([name, value]) => `${paint(clean(name), '2')}=${fieldText(value)}`);
  const head = [time, paint(level.padEnd(5), colour[level]), clean(String(entry.msg ?? '')), ...shown].join(
    ' ',
  );
  return [head, ...stacks.map((one) => `    ${clean(one)}`), ''].join('\n');
}

function fieldText(value: unknown): string {
  if (typeof value === 'string') {
    const text = clean(value);
    return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
  }
  if (isError(value)) return JSON.stringify(clean(value.message));
  return clean(JSON.stringify(value) ?? 'undefined');
}

function stackOf(value: unknown): string[] {
  return isError(value) ? (value.stack?.split('\n').slice(1) ?? []).map((one) => one.trim()) : [];
}

function isError(value: unknown): value is { message: string; stack?: string } {
  if (typeof value !== 'object' || value === null) return false;
  const { message, stack } = value as { message?: unknown; stack?: unknown };
  return typeof message === 'string' && typeof stack === 'string';
}
