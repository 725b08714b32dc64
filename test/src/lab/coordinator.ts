import { join } from 'node:path';
import type { Central } from '@iovisor-ovn/coordinator/testing';
import { CommandError, type CommandResult, tryCommand } from './command.js';
import { serving } from './health.js';
import { LabProcess } from './process.js';
import { program } from './program.js';
import type { Registry } from './registry.js';
import { until } from './until.js';

export interface CoordinatorOptions {
  central: Central;
  registry: Registry;
  outlive: boolean;
  /** Default "coordinator"; a second one needs another. */
  name?: string;
  /** Where it listens. Default: a unix socket in the lab's directory. */
  listen?: string;
  /** Put before its command line and iovctl's, to run them in a namespace. */
  prefix?: readonly string[];
  /** TLS flags of the coordinator, and of iovctl. */
  tls?: { coordinator: readonly string[]; iovctl: readonly string[] };
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

  /** Where it listens: "unix:PATH" or "HOST:PORT". */
  get address(): string {
    return this.#options.listen ?? `unix:${join(this.#options.registry.dir, `${this.#name}.sock`)}`;
  }

  argv(...extra: string[]): string[] {
    const { central, prefix = [], tls } = this.#options;
    const remotes = ['--nb', central.nb, '--sb', central.sb, '--listen', this.address];
    const flags = [...remotes, ...(tls?.coordinator ?? []), ...extra];
    return [...prefix, ...program('coordinator', 'iovisor-coordinator'), ...flags];
  }

  /** Starts it; resolves when its health service says SERVING. */
  async start(...extra: string[]): Promise<void> {
    const process = this.spawn(...extra);
    if (!this.#options.listen) await process.during((signal) => serving(this.address, { signal }));
    else await process.during(() => until('iovctl health says SERVING', () => this.iovctl('health')));
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
    const { prefix = [], tls } = this.#options;
    const argv = [...prefix, ...program('coordinator', 'iovctl'), ...(tls?.iovctl ?? []), ...args];
    return tryCommand(argv, { env: { ...process.env, IOVISOR_COORDINATOR: this.address } });
  }

  /** What iovctl prints; also when a hypervisor did not answer (status 4): what the others say is there. */
  async iovctl(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.tryIovctl(...args);
    if (status !== 0 && status !== 4) throw new CommandError(['iovctl', ...args], status, stdout, stderr);
    return stdout;
  }

  /** What iovctl --json prints. The shape is the caller's claim, as of a program that reads it. */
  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.iovctl(...args, '--json')) as T;
  }
}
