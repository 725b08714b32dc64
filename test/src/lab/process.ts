import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { processId } from './proc.js';
import type { Registry } from './registry.js';

export interface LabProcessOptions {
  /** For messages: "agent hv1". */
  name: string;
  argv: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** Takes stdout and stderr, appended. */
  logFile: string;
  registry: Registry;
  /** Let it live on when we end. Otherwise it dies with us, however we die. */
  outlive?: boolean;
}

/** A foreground program of ours (coordinator, agent) with its output in a file. */
export class LabProcess {
  readonly #child: ChildProcess;
  readonly #options: LabProcessOptions;
  /** Resolves when it is gone: exit status or the signal that ended it. */
  readonly exited: Promise<number | string>;

  constructor(o: LabProcessOptions) {
    this.#options = o;
    const log = openSync(o.logFile, 'a');
    const argv = o.outlive ? o.argv : ['setpriv', '--pdeathsig', 'KILL', '--', ...o.argv];
    // A session of its own: Ctrl-C at the terminal is for us to handle.
    this.#child = spawn(argv[0]!, argv.slice(1), {
      env: { ...process.env, ...o.env },
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    this.exited = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(error.message));
      this.#child.once('exit', (code, signal) => resolve(signal ?? code ?? 'unknown'));
    });
    const id = processId(this.pid);
    if (id) o.registry.note({ kind: 'process', ...id });
    if (o.outlive) this.#child.unref();
  }

  get name(): string {
    return this.#options.name;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get running(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Sends a signal and resolves when it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.running) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill(signal);
    if (signal !== 'SIGKILL') this.#child.kill('SIGCONT');
    await gone;
  }

  /** Sends a signal without waiting (SIGSTOP, SIGCONT). */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The last lines it wrote. */
  tail(lines = 15): string {
    return readFileSync(this.#options.logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }

  /** Waits for `ready`; when the process ends before, throws its last words instead. */
  async during<T>(ready: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const abort = new AbortController();
    const died = this.exited.then((how) => {
      throw new Error(`${this.#options.name} ended with ${how}:\n${this.tail()}`);
    });
    try {
      return await Promise.race([ready(abort.signal), died]);
    } catch (error) {
      if (!this.running) throw error;
      throw new Error(`${this.#options.name}: ${(error as Error).message}\n${this.tail()}`);
    } finally {
      abort.abort();
      died.catch(() => undefined);
    }
  }
}
