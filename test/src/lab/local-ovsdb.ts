import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandResult, command, tryCommand } from './command.js';
import type { Registry } from './registry.js';
import { runtimeEnv, Server } from './server.js';

const schema = '/usr/share/openvswitch/vswitch.ovsschema';

/** A hypervisor's own Open_vSwitch database: a real ovsdb-server. */
export class LocalOvsdb {
  readonly #server: Server;

  private constructor(
    readonly dir: string,
    registry: Registry,
    outlive: boolean,
  ) {
    const argv = [
      'ovsdb-server',
      `--remote=punix:${join(dir, 'db.sock')}`,
      `--unixctl=${join(dir, 'ovsdb.ctl')}`,
    ];
    this.#server = new Server({
      name: 'ovsdb-server',
      argv: [...argv, join(dir, 'conf.db')],
      dir,
      socket: 'db.sock',
      registry,
      outlive,
    });
  }

  static async start(dir: string, registry: Registry, outlive: boolean): Promise<LocalOvsdb> {
    const ovsdb = new LocalOvsdb(dir, registry, outlive);
    await ovsdb.#create();
    await ovsdb.startServer();
    await ovsdb.vsctl('--no-wait', 'init');
    return ovsdb;
  }

  /** Remote in OVN's syntax. */
  get remote(): string {
    return `unix:${join(this.dir, 'db.sock')}`;
  }

  get pid(): number | undefined {
    return this.#server.pid;
  }

  /** Plain ovs-vsctl: it waits for the switch daemon unless told not to; gives up after 10 s. */
  vsctl(...args: string[]): Promise<string> {
    return command(['ovs-vsctl', '--timeout=30', ...args], { env: runtimeEnv(this.dir) });
  }

  tryVsctl(...args: string[]): Promise<CommandResult> {
    return tryCommand(['ovs-vsctl', '--timeout=30', ...args], { env: runtimeEnv(this.dir) });
  }

  /** One column of one record, "" when it is empty: get('Interface', 'tap1', 'external_ids:iface-id'). */
  async get(table: string, record: string, column: string): Promise<string> {
    const text = await this.vsctl('--if-exists', 'get', table, record, column);
    return text === '[]' ? '' : text.replace(/^"(.*)"$/, '$1');
  }

  startServer(): Promise<void> {
    return this.#server.start();
  }

  stopServer(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    return this.#server.stop(signal);
  }

  /** SIGSTOP: alive but deaf; SIGCONT. */
  signal(signal: NodeJS.Signals): void {
    this.#server.signal(signal);
  }

  /** Stops it, puts an empty database in its place, starts it. */
  async wipe(): Promise<void> {
    await this.stopServer();
    await command(['rm', '-f', join(this.dir, 'conf.db')]);
    await this.#create();
    await this.startServer();
  }

  async #create(): Promise<void> {
    const file = join(this.dir, 'conf.db');
    if (!existsSync(file)) await command(['ovsdb-tool', 'create', file, schema]);
  }
}
