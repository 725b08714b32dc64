import Table from 'cli-table3';
import pc from 'picocolors';

export interface Column<Row> {
  title: string;
  value: (row: Row) => string | number | bigint;
  /** Numbers and bytes line up at the right. */
  right?: boolean;
  /** How readily it gives up width when the terminal is narrow; 0 (default): never. */
  shrink?: number;
}

const colors = pc.createColors(Boolean(process.stdout.isTTY) && !process.env.NO_COLOR);
const minWidth = 8;

/** Prints a table that fits the terminal; without rows a line that says so. */
export function printTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], none: string): void {
  if (rows.length === 0) {
    console.log(none);
    return;
  }
  const cells = rows.map((row) => columns.map((column) => String(column.value(row))));
  const widths = fit(columns, cells, process.stdout.columns ?? 0);
  const table = new Table({
    head: columns.map((column) => colors.bold(column.title)),
    chars: Object.fromEntries(borders.map((name) => [name, ''])),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    colAligns: columns.map((column) => (column.right ? 'right' : 'left')),
    colWidths: widths.map((width) => width + 2),
    wordWrap: true,
    wrapOnWordBoundary: false,
  });
  table.push(...cells);
  console.log(table.toString().replace(/[ ]+$/gm, ''));
}

const borders = [
  'top',
  'top-mid',
  'top-left',
  'top-right',
  'bottom',
  'bottom-mid',
  'bottom-left',
  'bottom-right',
  'left',
  'left-mid',
  'mid',
  'mid-mid',
  'right',
  'right-mid',
  'middle',
] as const;

/** Column widths; those that may shrink do until the table fits `width` (0: as wide as it likes). */
export function fit<Row>(
  columns: readonly Column<Row>[],
  cells: readonly string[][],
  width: number,
): number[] {
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...cells.map((row) => row[index]?.length ?? 0)),
  );
  const total = () => widths.reduce((sum, one) => sum + one + 2, 0);
  while (width > 0 && total() > width) {
    const candidates = columns
      .map((column, index) => ({ index, give: (column.shrink ?? 0) * (widths[index]! - minWidth) }))
      .filter(({ give }) => give > 0);
    const widest = candidates.sort((a, b) => b.give - a.give)[0];
    if (!widest) break;
    widths[widest.index]!--;
  }
  return widths;
}

/** "yes" in green, "no" in red. */
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
