import { clean, colors, displayWidth, truncate } from './terminal.js';

export interface Column<Row> {
  title: string;
  value: (row: Row) => string | number | bigint;
  /** Numbers and bytes line up at the right. */
  right?: boolean;
  /** How readily it gives up width when the terminal is narrow; 0 (default): only when the others have given all. */
  shrink?: number;
  /** Good is green, bad is red; on a terminal only. */
  tone?: (row: Row) => 'good' | 'bad' | undefined;
}

/** Below this, cut values cannot be told apart. */
const minWidth = 8;
const gap = '  ';

/** Columns of the terminal; 0: no terminal, as wide as it likes. */
export function terminalWidth(): number {
  return process.stdout.isTTY ? (process.stdout.columns ?? 0) : 0;
}

/** Prints a table that fits the terminal; without rows a line that says so. */
export function printTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], none: string): void {
  console.log(tableText(columns, rows, none, terminalWidth()));
}

/**
 * A table, one line a row. What does not fit is cut, with an ellipsis.
 * @param width of the terminal; 0: nothing is cut
 */
export function tableText<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  none: string,
  width: number,
): string {
  if (rows.length === 0) return none;
  const cells = rows.map((row) => columns.map((column) => clean(String(column.value(row)))));
  const widths = fit(columns, cells, width);
  const line = (texts: readonly string[], paint: (text: string, index: number) => string) =>
    texts
      .map((text, index) => {
        const cut = truncate(text, widths[index]!);
        const padding = ' '.repeat(Math.max(0, widths[index]! - displayWidth(cut)));
        const painted = paint(cut, index);
        if (columns[index]!.right) return padding + painted;
        return index === texts.length - 1 ? painted : painted + padding;
      })
      .join(gap)
      .replace(/ +$/, '');
  const head = line(
    columns.map(({ title }) => title),
    (text) => colors.bold(text),
  );
  const body = cells.map((texts, index) =>
    line(texts, (text, column) => toned(text, columns[column]!.tone?.(rows[index]!))),
  );
  return [head, ...body].join('\n');
}

function toned(text: string, tone: 'good' | 'bad' | undefined): string {
  if (tone === undefined) return text;
  return tone === 'good' ? colors.green(text) : colors.red(text);
}

/** Column widths; those that may shrink do until the table fits `width` (0: as wide as it likes), then the widest of the others. */
export function fit<Row>(
  columns: readonly Column<Row>[],
  cells: readonly string[][],
  width: number,
): number[] {
  const widths = columns.map(({ title }) => title.length);
  for (const row of cells)
    row.forEach((text, index) => {
      widths[index] = Math.max(widths[index]!, displayWidth(text));
    });
  if (width === 0) return widths;
  // No column is wider than the terminal; so the steps below are few.
  for (let index = 0; index < widths.length; index++)
    widths[index] = Math.max(columns[index]!.title.length, Math.min(widths[index]!, width));
  const least = columns.map(({ title }) => Math.max(title.length, minWidth));
  let over = widths.reduce((sum, one) => sum + one + gap.length, -gap.length) - width;
  const shrink = (weight: (index: number) => number) => {
    while (over > 0) {
      let [best, most] = [-1, 0];
      widths.forEach((one, index) => {
        const give = weight(index) * (one - least[index]!);
        if (give > most) [best, most] = [index, give];
      });
      if (best < 0) return;
      widths[best]!--;
      over--;
    }
  };
  shrink((index) => columns[index]!.shrink ?? 0);
  shrink(() => 1);
  return widths;
}

/** "yes" or "no". */
export function yesNo(value: boolean): string {
  return value ? 'yes' : 'no';
}

/** "-" for what is empty. */
export function orDash(text: string): string {
  return text === '' ? '-' : text;
}

/** 1536 → "1.5 kB". */
export function bytes(value: bigint | number): string {
  let rest = Number(value);
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (rest < 1000) return `${unit === 'B' ? rest : rest.toFixed(1)} ${unit}`;
    rest /= 1000;
  }
  return `${rest.toFixed(1)} TB`;
}
