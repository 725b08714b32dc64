type Cell = unknown;
interface Table {
  headings: string[];
  data: Cell[][];
}

/** A row by column: texts; '' for an empty set, "key=value key=value" for a map. */
export type Row = Record<string, string>;

/** Rows of a table as ovn-nbctl, ovn-sbctl or ovs-vsctl list them. */
export async function rows(
  ctl: (...args: string[]) => Promise<string>,
  table: string,
  ...columns: string[]
): Promise<Row[]> {
  const text = await ctl('--format=json', `--columns=${columns.join(',')}`, 'list', table);
  const { headings, data } = JSON.parse(text) as Table;
  return data.map((row) => Object.fromEntries(row.map((cell, i) => [headings[i]!, textOf(cell)])));
}

function textOf(cell: Cell): string {
  if (!Array.isArray(cell)) return String(cell);
  const [kind, value] = cell as [string, unknown];
  if (kind === 'uuid') return String(value);
  if (kind === 'map') return (value as [string, string][]).map(([key, word]) => `${key}=${word}`).join(' ');
  return (value as unknown[]).map(textOf).join(' ');
}
