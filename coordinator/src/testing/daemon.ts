import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, watch } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, dirname } from 'node:path';

export interface DaemonOptions {
  /** For messages: "nb", "northd", … */
  name: string;
  /** Program and arguments; it must stay in the foreground. */
  argv: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Unix socket which the daemon listens on once it is ready. */
  socket: string;
}

/** One foreground daemon under our control. It dies with this process, however this process dies. */
export class Daemon {
  readonly #options: DaemonOptions;
  #child?: ChildProcess;
  #stderr = '';

  constructor(options: DaemonOptions) {
    this.#options = options;
  }

  /** Process id while running. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts the daemon and resolves when its socket accepts connections. */
  async start(): Promise<void> {
    const { name, argv, env, socket } = this.#options;
    if (this.#child) throw new Error(`${name} is already running`);
    // What a killed predecessor left would look like a ready server.
    await rm(socket, { force: true });
    this.#stderr = '';
    const child = spawn('setpriv', ['--pdeathsig', 'TERM', '--', ...argv], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    child.stderr.on('data', (data: Buffer) => {
      this.#stderr = (this.#stderr + data.toString()).slice(-4096);
    });
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined;
    });
    const died = new AbortController();
    const exited = new Promise<never>((_, reject) => {
      const fail = (why: string) => reject(new Error(`${name}: ${argv.join(' ')}: ${why}: ${this.#stderr}`));
      child.once('error', (error) => fail(error.message));
      child.once('exit', (code, signal) => fail(`ended with ${signal ?? code} before it was ready`));
    });
    try {
      await Promise.race([exited, listening(socket, died.signal)]);
    } finally {
      died.abort();
      exited.catch(() => undefined);
    }
  }

  /** Sends `signal` and resolves when the process is gone. Does nothing when it is not running. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    // A stopped process (SIGSTOP) takes no TERM.
    if (signal !== 'SIGKILL') child.kill('SIGCONT');
    await gone;
  }

  /** Sends `signal` without waiting: SIGSTOP makes a server that answers nothing, SIGCONT wakes it. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }
}

/** Resolves when a connection to the unix socket `path` succeeds. */
async function listening(path: string, signal: AbortSignal): Promise<void> {
  if (!existsSync(path)) await appeared(path, signal);
  // bind() makes the file, listen() comes a moment later: until then connections are refused.
  while (!signal.aborted && !(await connects(path))) await new Promise(setImmediate);
}

function appeared(path: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(dirname(path), (_event, file) => {
      if (file === basename(path)) finish();
    });
    const finish = () => {
      watcher.close();
      resolve();
    };
    signal.addEventListener('abort', finish, { once: true });
    if (existsSync(path)) finish();
  });
}

function connects(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
