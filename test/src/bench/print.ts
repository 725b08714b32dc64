import colors from 'picocolors';
import type { Section, Table } from './report.js';

/** A section as text for a terminal. */
export function formatSection(section: Section): string {
  const lines: string[] = [];
  for (const table of section.tables) lines.push('', colors.bold(table.title), ...formatTable(table));
  if (section.targets.length) {
    const rows = section.targets.map((t) => [
      t.met ? colors.green('✔') : colors.red('✘'),
      t.what,
      t.target,
      t.measured,
    ]);
    lines.push('', ...formatTable({ title: '', header: ['', 'target', 'wanted', 'measured'], rows }));
  }
  for (const note of section.notes) lines.push(colors.dim(`  ${note}`));
  return lines.join('\n');
}

/** The first column to the left, numbers to the right. */
export function formatTable(table: Table): string[] {
  const all = [table.header, ...table.rows];
  const widths = table.header.map((_, column) => Math.max(...all.map((row) => width(row[column] ?? ''))));
  const format = (row: readonly string[]) =>
    `  ${widths.map((size, column) => pad(row[column] ?? '', size)).join('  ')}`.trimEnd();
  return [colors.dim(format(table.header)), ...table.rows.map(format)];
}

/** Numbers, also with a unit behind them, to the right; words to the left. */
function pad(text: string, size: number): string {
  const space = ' '.repeat(Math.max(0, size - width(text)));
  return /^-?[\d.,]+\D{0,5}$/.test(text) ? space + text : text + space;
}

function width(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours of picocolors
  return [...text.replace(/\x1b\[\d+m/g, '')].length;
}
