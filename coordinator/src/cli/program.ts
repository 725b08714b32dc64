import { Command } from 'commander';
import { quiet, settingOption, UsageError } from '../config/settings.js';
import { version } from '../version.js';
import { bugreport } from './bugreport.js';
import { completion } from './completion/completion.js';
import { completes } from './completion/kinds.js';
import { exitTexts } from './exit-codes.js';
import { health } from './health.js';
import { listCommand } from './list-command.js';
import { lists } from './lists.js';
import { logLevel } from './log-level.js';
import { node } from './node.js';
import { configSetting, connectionSettings } from './options.js';
import { port } from './port.js';
import { status } from './status.js';
import { topology } from './topology/topology.js';
import { trace } from './trace.js';
import { verify } from './verify.js';
import { watch } from './watch.js';

const [nodeList, ...otherLists] = lists.map((list) => listCommand(list));

/** Each adds a subcommand; --help shows them in this order. */
const commands: readonly ((program: Command) => void)[] = [
  status,
  health,
  nodeList!,
  node,
  ...otherLists,
  port,
  trace,
  verify,
  watch,
  topology,
  logLevel,
  bugreport,
  completion,
];

const help = `
Exit status:
${exitTexts.map(([code, meaning]) => `  ${code}  ${meaning}`).join('\n')}

Tables are cut to the width of a terminal, and complete elsewhere. Colours: on a terminal, without NO_COLOR.`;

/** iovctl with all its commands. */
export function makeProgram(): Command {
  const program = new Command('iovctl')
    .description('Shows what IOVisor-OVN does on all hypervisors')
    .version(version);
  for (const setting of [...connectionSettings, configSetting]) {
    const option = settingOption(setting);
    program.addOption(setting.value === 'FILE' ? completes('file', option) : option);
  }
  program.option('--json', 'print JSON for programs');
  program.addHelpText('after', help);
  for (const add of commands) add(program);
  for (const command of [program, ...program.commands]) quiet(command);
  return program.allowExcessArguments().action((_options, command: Command) => {
    const [name] = command.args;
    throw new UsageError(
      `${name === undefined ? 'a command is wanted' : `there is no command "${name}"`}; see iovctl --help`,
    );
  });
}
