import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const BIN = { env: { ...process.env, PATH: `/usr/sbin:/usr/bin:${process.env.PATH}` } };

/** Runs a program of Open vSwitch to its end and returns what it wrote. */
export function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { ...BIN, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** A temporary directory with a short path: socket paths have little room. */
export function makeDirectory(): string {
  return mkdtempSync(join(tmpdir(), `ovsdbc${process.pid}-`));
}

/** A real ovsdb-server over files in a directory of its own; it can be killed and started again. */
export class TestServer {
  readonly directory = makeDirectory();
  readonly socket = join(this.directory, 's');
  readonly control = join(this.directory, 'c');
  readonly database = join(this.directory, 'db');
  readonly #arguments: string[] = [];
  #process: ChildProcess | undefined;

  get remote(): string {
    return `unix:${this.socket}`;
  }

  /** Further arguments of ovsdb-server. */
  withArguments(...args: string[]): this {
    this.#arguments.push(...args);
    return this;
  }

  createDatabase(schemaFile: string): this {
    run('ovsdb-tool', 'create', this.database, schemaFile);
    return this;
  }

  /** A cluster of this server alone, or the first server of a bigger one. */
  createCluster(schemaFile: string, address: string): this {
    run('ovsdb-tool', '--election-timer=300', 'create-cluster', this.database, schemaFile, address);
    return this;
  }

  joinCluster(name: string, address: string, remote: string): this {
    run('ovsdb-tool', 'join-cluster', this.database, name, address, remote);
    return this;
  }

  /** Replaces the database by an empty one. */
  wipe(schemaFile: string): this {
    rmSync(this.database);
    return this.createDatabase(schemaFile);
  }

  /** Starts the server and waits until it accepts connections. */
  async start(): Promise<this> {
    this.#process = spawn(
      'ovsdb-server',
      [
        `--remote=punix:${this.socket}`,
        `--unixctl=${this.control}`,
        `--log-file=${join(this.directory, 'log')}`,
        '-vconsole:off',
        '-vsyslog:off',
        ...this.#arguments,
        this.database,
      ],
      { ...BIN, stdio: 'ignore' },
    );
    for (;;) {
      if (this.#process.exitCode !== null)
        throw new Error(`ovsdb-server did not start, see ${this.directory}/log`);
      if (await accepts(this.socket)) return this;
      await delay(5);
    }
  }

  /** Kills the server and waits until it is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const exit = once(server, 'exit');
    server.kill(signal);
    await exit;
  }

  /** Stops the process without killing it, or lets it go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process?.kill(signal);
  }

  appctl(...args: string[]): string {
    return run('ovs-appctl', '-t', this.control, ...args);
  }

  async remove(): Promise<void> {
    this.signal('SIGCONT');
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

async function accepts(path: string): Promise<boolean> {
  const socket = net.connect({ path });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** A TCP port nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Writes a schema into a directory and returns its path. */
export function writeSchema(directory: string, schema: object): string {
  const path = join(directory, 'test.ovsschema');
  writeFileSync(path, JSON.stringify(schema));
  return path;
}
