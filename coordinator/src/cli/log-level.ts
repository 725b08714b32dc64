import { logLevels } from '@iovisor-ovn/log/levels';
import type { LogLevel, LogLevelList, LogLevelRequest, SetLogLevelRequest } from '@iovisor-ovn/proto';
import { Argument, type Command } from 'commander';
import { UsageError } from '../config/settings.js';
import { callAdmin } from './call.js';
import { completes } from './completion/kinds.js';
import { type CliOptions, cliOptions } from './options.js';
import { printJson, printUnreachable } from './print.js';
import { documentJson } from './reference/json-shapes.js';
import { printTable } from './table.js';

const help = `
  iovctl log-level                     what the coordinator and all agents log
  iovctl log-level coordinator debug   changes it until the coordinator is restarted
  iovctl log-level hv1 trace           the same of the agent of hv1
Levels: ${logLevels.join(', ')}.`;

/** Adds `iovctl log-level`. */
export function logLevel(program: Command): void {
  const command = program
    .command('log-level')
    .description('reads or changes what the coordinator, or the agent of a hypervisor, logs')
    .addArgument(
      completes('node', new Argument('[node]', 'hypervisor, or "coordinator"; default: all'), [
        'coordinator',
      ]),
    )
    .addArgument(new Argument('[level]', 'to be set; lasts until the restart').choices(logLevels))
    .addHelpText('after', help);
  documentJson(command, { message: 'LogLevel', many: true });
  command.action(async (node = '', level?: string) => {
    const options = cliOptions(command);
    const reply = level === undefined ? await read(options, node) : await set(options, node, level);
    if (options.json) printJson(reply.levels);
    else printLevels(reply.levels);
    printUnreachable(reply.unreachableNodes);
  });
}

/** Prints them as a table. */
function printLevels(levels: readonly LogLevel[]): void {
  printTable<LogLevel>(
    [
      { title: 'NODE', value: ({ node }) => node },
      { title: 'LEVEL', value: ({ level }) => level || 'unknown' },
    ],
    levels,
    'nobody answers',
  );
}

async function read(options: CliOptions, node: string): Promise<LogLevelList> {
  try {
    return await callAdmin<LogLevelRequest, LogLevelList>(options, (client) => client.getLogLevel, { node });
  } catch (error) {
    if (!(logLevels as readonly string[]).includes(node)) throw error;
    throw new UsageError(`say whose level it is: iovctl log-level coordinator ${node}`);
  }
}

function set(options: CliOptions, node: string, level: string): Promise<LogLevelList> {
  return callAdmin<SetLogLevelRequest, LogLevelList>(options, (client) => client.setLogLevel, {
    node,
    level,
  });
}
