import { spawn } from 'node:child_process';

/** A program ended with another status than 0. The message has the command line and what it wrote to stderr. */
export class CommandError extends Error {
  constructor(
    readonly argv: readonly string[],
    readonly status: number | string,
    readonly stdout: string,
    readonly stderr: string,
  ) {
    super(`${argv.join(' ')}: ended with ${status}: ${(stderr || stdout).trim()}`);
  }
}

export interface CommandOptions {
  env?: NodeJS.ProcessEnv;
  /** Given to its stdin; without it stdin is empty. */
  input?: string;
  /** Default 60 s; then it is killed and counts as failed. */
  timeoutMs?: number;
}

export interface CommandResult {
  status: number | string;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end, whatever its status. */
export async function tryCommand(argv: readonly string[], o: CommandOptions = {}): Promise<CommandResult> {
  const [program, ...args] = argv as [string, ...string[]];
  const child = spawn(program, args, {
    env: o.env ?? process.env,
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: o.timeoutMs ?? 60_000,
    killSignal: 'SIGKILL',
  });
  const out = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      out[stream] += text;
    });
  // A program that never reads its stdin is no failure.
  child.stdin.on('error', () => undefined).end(o.input ?? '');
  const status = await new Promise<number | string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ?? code ?? 'unknown'));
  });
  return { status, ...out };
}

/** Runs a program; returns its stdout without the last newline, throws CommandError unless it ended with 0. */
export async function command(argv: readonly string[], o: CommandOptions = {}): Promise<string> {
  const { status, stdout, stderr } = await tryCommand(argv, o);
  if (status !== 0) throw new CommandError(argv, status, stdout, stderr);
  return stdout.replace(/\n$/, '');
}
