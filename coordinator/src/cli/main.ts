import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { CommanderError } from 'commander';
import { UsageError, usage } from '../config/settings.js';
import { exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { makeProgram } from './program.js';
import { clean } from './terminal.js';

setLogVerbosity(logVerbosity.NONE);
// Whoever reads us has enough, as `iovctl ports | head` has.
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? exit.ok : exit.failed),
);

try {
  await makeProgram().parseAsync(process.argv);
} catch (error) {
  process.exitCode = report(usage(error));
}

/** Says what went wrong in one line; returns the exit status. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode;
  const message = error instanceof Error ? error.message : String(error);
  // Only of our own making are several lines: they show where in an expression the error is.
  const shown = error instanceof UsageError ? message.split('\n').map(clean).join('\n') : clean(message);
  process.stderr.write(`iovctl: ${shown}\n`);
  if (error instanceof UsageError) return exit.usage;
  if (!(error instanceof Failure) && process.env.IOVISOR_DEBUG) console.error(error);
  return error instanceof Failure ? error.exitCode : exit.failed;
}
