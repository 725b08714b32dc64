import type { AdminClient, ListRequest } from '@iovisor-ovn/proto';
import { Argument, type Command, Option } from 'commander';
import { type AdminStream, collectParts } from './call.js';
import { changes, type WatchKind } from './changes.js';
import { completes, type NameKind } from './completion/kinds.js';
import { type CliOptions, cliOptions } from './options.js';
import { jsonText, printJson, printUnreachable } from './print.js';
import { redraw } from './redraw.js';
import { documentJson } from './reference/json-shapes.js';
import { type Column, printTable, tableText, terminalWidth } from './table.js';

/** A list and how it is shown. */
export interface ListSpec<Reply, Row> {
  name: string;
  description: string;
  /** What an optional argument selects, such as "port"; absent when there is nothing to select. */
  argument?: string;
  /** Whose names the argument has; absent: of nothing that can be completed. */
  completes?: NameKind;
  method: (client: AdminClient) => AdminStream<ListRequest, Reply>;
  rows: (reply: Reply) => readonly Row[];
  /** Rows are shown in the order of these texts. */
  order: (row: Row) => readonly string[];
  columns: readonly Column<Row>[];
  /** Printed when there are no rows. */
  none: string;
  /** Name of the message in admin.proto or report.proto which each element of the JSON is. */
  message: string;
  /** With --watch, what it is drawn anew for at once. */
  changedBy?: readonly WatchKind[];
}

/** A list, fetched. */
export interface Fetched<Row> {
  rows: Row[];
  /** Hypervisors that should have had a part in it and did not answer. */
  unreachable: string[];
}

/** Asks for all of a list, and sorts it. */
export async function fetchList<Reply, Row>(
  list: ListSpec<Reply, Row>,
  options: CliOptions,
  request: ListRequest,
): Promise<Fetched<Row>> {
  const parts = await collectParts(options, list.method, request);
  const keyed = parts.flatMap((part) => list.rows(part)).map((row) => ({ row, key: list.order(row) }));
  keyed.sort((a, b) => compareKeys(a.key, b.key));
  const unreachable = parts.flatMap(
    (part) => (part as { unreachableNodes?: string[] }).unreachableNodes ?? [],
  );
  return { rows: keyed.map(({ row }) => row), unreachable };
}

/** Adds a subcommand that prints a table. */
export function listCommand<Reply, Row>(list: ListSpec<Reply, Row>): (program: Command) => void {
  return (program) => {
    const command = program.command(list.name).description(list.description);
    command.addOption(completes('node', new Option('--node <CHASSIS>', 'only this hypervisor')));
    command.option('--watch', 'again when something changes, every 2 seconds at least, until Ctrl-C');
    documentJson(command, { message: list.message, many: true });
    if (list.argument) {
      const argument = new Argument(`[${list.argument}]`, `only this ${list.argument}`);
      command.addArgument(list.completes ? completes(list.completes, argument) : argument);
    }
    command.action(async (...args: unknown[]) => {
      const options = cliOptions(command);
      const name = list.argument && typeof args[0] === 'string' ? args[0] : '';
      const { node = '', watch = false } = command.opts<{ node?: string; watch?: boolean }>();
      const fetch = () => fetchList(list, options, { name, node });
      if (watch) await watchList(list, options, fetch);
      else show(list, options, await fetch());
    });
  };
}

function show<Reply, Row>(list: ListSpec<Reply, Row>, { json }: CliOptions, fetched: Fetched<Row>): void {
  if (json) printJson(fetched.rows);
  else printTable(list.columns, fetched.rows, list.none);
  printUnreachable(fetched.unreachable);
}

function watchList<Reply, Row>(
  list: ListSpec<Reply, Row>,
  options: CliOptions,
  fetch: () => Promise<Fetched<Row>>,
): Promise<void> {
  const draw = async () => {
    const { rows, unreachable } = await fetch();
    if (options.json) return jsonText(rows, 0);
    const table = tableText(list.columns, rows, list.none, terminalWidth());
    return unreachable.length > 0 ? `${table}\nno answer from ${unreachable.join(', ')}` : table;
  };
  const subscribe = list.changedBy && ((onChange: () => void) => changes(options, list.changedBy!, onChange));
  return redraw({ draw, subscribe, separate: !options.json });
}

function compareKeys(a: readonly string[], b: readonly string[]): number {
  for (let index = 0; index < a.length; index++) {
    const [left, right] = [a[index]!, b[index] ?? ''];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}
