import { join } from 'node:path';
import type { Central } from '@iovisor-ovn/coordinator/testing';
import { CommandError, type CommandResult, tryCommand } from './command.js';
import { serving } from './health.js';
import { LabProcess } from './process.js';
import { program } from './program.js';
import type { Registry } from './registry.js';

export interface CoordinatorOptions {
  central: Central;
  registry: Registry;
  outlive: boolean;
  /** Default "coordinator"; a second one needs another. */
  name?: string;
}

/** A coordinator between the lab's databases and its agents, and the iovctl that asks it. */
export class Coordinator {
  process?: LabProcess;
  readonly #options: CoordinatorOptions;
  readonly #name: string;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#name = options.name ?? 'coordinator';
  }

  /** Where it listens: "unix:PATH". */
  get address(): string {
    return `unix:${join(this.#options.registry.dir, `${this.#name}.sock`)}`;
  }

  argv(...extra: string[]): string[] {
    const { central } = this.#options;
    const remotes = ['--nb', central.nb, '--sb', central.sb, '--listen', this.address];
    return [...program('coordinator', 'iovisor-coordinator'), ...remotes, ...extra];
  }

  /** Starts it; resolves when its health service says SERVING. */
  async start(...extra: string[]): Promise<void> {
    const process = this.spawn(...extra);
    await process.during((signal) => serving(this.address, { signal }));
  }

  spawn(...extra: string[]): LabProcess {
    this.process = new LabProcess({
      name: this.#name,
      argv: this.argv(...extra),
      logFile: join(this.#options.registry.dir, `${this.#name}.log`),
      registry: this.#options.registry,
      outlive: this.#options.outlive,
    });
    return this.process;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.process?.stop(signal);
  }

  tryIovctl(...args: string[]): Promise<CommandResult> {
    const argv = [...program('coordinator', 'iovctl'), ...args];
    return tryCommand(argv, { env: { ...process.env, IOVISOR_COORDINATOR: this.address } });
  }

  /** What iovctl prints. */
  async iovctl(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.tryIovctl(...args);
    if (status !== 0) throw new CommandError(['iovctl', ...args], status, stdout, stderr);
    return stdout;
  }

  /** What iovctl --json prints. The shape is the caller's claim, as of a program that reads it. */
  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.iovctl(...args, '--json')) as T;
  }
}
