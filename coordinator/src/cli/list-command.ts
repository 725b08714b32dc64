import type { AdminClient, ListRequest } from '@iovisor-ovn/proto';
import type { Command } from 'commander';
import { type AdminMethod, callAdmin } from './call.js';
import { cliOptions } from './options.js';
import { printJson, printUnreachable } from './print.js';
import { type Column, printTable } from './table.js';

export interface ListCommand<Reply, Row> {
  name: string;
  description: string;
  /** What an optional argument selects, such as "port"; absent when there is nothing to select. */
  argument?: string;
  method: (client: AdminClient) => AdminMethod<ListRequest, Reply>;
  rows: (reply: Reply) => readonly Row[];
  columns: readonly Column<Row>[];
  /** Printed when there are no rows. */
  none: string;
}

/** Adds a subcommand that prints a table. */
export function listCommand<Reply, Row>(list: ListCommand<Reply, Row>): (program: Command) => void {
  return (program) => {
    const command = program
      .command(list.name)
      .description(list.description)
      .option('--node <CHASSIS>', 'only this hypervisor');
    if (list.argument) command.argument(`[${list.argument}]`, `only this ${list.argument}`);
    command.action(async (...args: unknown[]) => {
      const options = cliOptions(command);
      const name = list.argument && typeof args[0] === 'string' ? args[0] : '';
      const node = command.opts<{ node?: string }>().node ?? '';
      const reply = await callAdmin(options, list.method, { name, node });
      const rows = list.rows(reply);
      if (options.json) printJson(rows);
      else printTable(list.columns, rows, list.none);
      printUnreachable((reply as { unreachableNodes?: string[] }).unreachableNodes ?? []);
    });
  };
}
