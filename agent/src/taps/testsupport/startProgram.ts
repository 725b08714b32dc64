import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Environment in which programs of Open vSwitch and OVN are found, and keep what they make in `directory`. */
export function programEnvironment(directory: string): NodeJS.ProcessEnv {
  const kinds = ['RUNDIR', 'DBDIR', 'LOGDIR', 'SYSCONFDIR'];
  const directories = kinds
    .flatMap((kind) => [`OVS_${kind}`, `OVN_${kind}`])
    .map((name) => [name, directory]);
  return {
    ...process.env,
    ...Object.fromEntries(directories),
    PATH: `/usr/sbin:/usr/bin:/sbin:/bin:${process.env.PATH}`,
  };
}

/**
 * Starts a daemon of Open vSwitch or OVN in the foreground and resolves when it has logged a line that matches `ready`;
 * rejects with what it logged when it ends before.
 */
export async function startProgram(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  ready: RegExp,
): Promise<ChildProcess> {
  // A test process that is killed takes its programs along (prctl(2), PR_SET_PDEATHSIG).
  const words = ['--pdeathsig', 'KILL', program, ...args, '-vconsole:info', '-vsyslog:off'];
  const child = spawn('setpriv', words, {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said: string[] = [];
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stderr! }).on('line', (line) => {
      said.push(line);
      if (ready.test(line)) resolve();
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`${program} ended: ${said.join('\n')}`)));
  });
  return child;
}

/** Starts an ovsdb-server; it serves when this resolves. */
export function startOvsdbServer(
  file: string,
  remote: string,
  control: string,
  env: NodeJS.ProcessEnv,
): Promise<ChildProcess> {
  // The line is logged when the database is read and the sockets are open.
  const ready = /ovsdb-server \(Open vSwitch\)/;
  return startProgram('ovsdb-server', [file, `--remote=p${remote}`, `--unixctl=${control}`], env, ready);
}

/** Ends a program as a crash would. */
export async function endProgram(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
