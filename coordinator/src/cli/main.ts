import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { Command, CommanderError } from 'commander';
import { quiet, UsageError, usage } from '../config/settings.js';
import { version } from '../version.js';
import { drops } from './drops.js';
import { Failure } from './failure.js';
import { health } from './health.js';
import { modules } from './modules.js';
import { nodes } from './nodes.js';
import { connectionSettings } from './options.js';
import { port } from './port.js';
import { ports } from './ports.js';
import { problems } from './problems.js';
import { status } from './status.js';
import { switches } from './switches.js';
import { topology } from './topology/topology.js';
import { trace } from './trace.js';
import { tunnels } from './tunnels.js';
import { verify } from './verify.js';

setLogVerbosity(logVerbosity.NONE);
const program = new Command('iovctl')
  .description('Shows what IOVisor-OVN does on all hypervisors')
  .version(version);
for (const { flags, description } of connectionSettings) program.option(flags, description);
program.option('--json', 'print JSON for programs');
const commands = [
  status,
  nodes,
  ports,
  port,
  trace,
  switches,
  modules,
  drops,
  problems,
  tunnels,
  health,
  topology,
  verify,
];
for (const add of commands) add(program);
for (const command of [program, ...program.commands]) quiet(command);

program.allowExcessArguments().action((_options, command: Command) => {
  const [name] = command.args;
  throw new UsageError(
    `${name === undefined ? 'a command is wanted' : `there is no command "${name}"`}; see iovctl --help`,
  );
});

try {
  await program.parseAsync(process.argv);
} catch (error) {
  process.exitCode = report(usage(error));
}

/** Says what went wrong in one line; returns the exit status. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`iovctl: ${message}\n`);
  if (error instanceof UsageError) return 2;
  if (!(error instanceof Failure) && process.env.IOVISOR_DEBUG) console.error(error);
  return 1;
}
