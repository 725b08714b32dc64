import type { Family, Sample } from './family.js';

/** The lines of families, each with its newline, made as they are asked for. */
export function* lines(families: Iterable<Family>): Generator<string> {
  for (const { name, help, type, samples } of families) {
    yield `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`;
    for (const sample of samples) yield line(name, sample);
  }
}

function line(name: string, { labels, value, suffix = '' }: Sample): string {
  const pairs = Object.entries(labels ?? {}).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${suffix}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${number(value)}\n`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function number(value: number | bigint): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}
