import { type ChildProcess, execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { endProgram, programEnvironment, startOvsdbServer, startProgram } from './startProgram.js';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
const runFile = promisify(execFile);

/** A hypervisor's own ovsdb-server with the real schema, in a directory of its own. */
export class LocalOvsdb {
  readonly directory = mkdtempSync(join(tmpdir(), `taps${process.pid}-`));
  readonly socket = join(this.directory, 'db.sock');
  readonly remote = `unix:${this.socket}`;
  readonly env = programEnvironment(this.directory);
  readonly #file = join(this.directory, 'conf.db');
  #server: ChildProcess | undefined;
  #vswitchd: ChildProcess | undefined;

  constructor() {
    this.#create();
  }

  /** Starts the server and resolves when it serves. */
  async start(): Promise<void> {
    rmSync(this.socket, { force: true });
    const control = join(this.directory, 'ctl');
    this.#server = await startOvsdbServer(this.#file, this.remote, control, this.env);
  }

  /** Ends the server as a crash would. */
  async kill(): Promise<void> {
    await endProgram(this.#server);
  }

  /** Replaces the database by an empty one, with a column less if one is named; the server must not run. */
  wipe(without?: { table: string; column: string }): void {
    rmSync(this.#file);
    const schema = JSON.parse(readFileSync(SCHEMA, 'utf8'));
    if (without !== undefined) delete schema.tables[without.table].columns[without.column];
    const file = join(this.directory, 'other.ovsschema');
    writeFileSync(file, JSON.stringify(schema));
    this.#create(file);
  }

  /** Starts stock ovs-vswitchd on this database, without the kernel's data path. */
  async startVswitchd(): Promise<ChildProcess> {
    const control = join(this.directory, 'vswitchd.ctl');
    const args = ['--disable-system', this.remote, `--unixctl=${control}`];
    const ready = /ovs-vswitchd \(Open vSwitch\)/;
    this.#vswitchd = await startProgram('ovs-vswitchd', args, this.env, ready);
    return this.#vswitchd;
  }

  /** Ends it as a crash would. */
  async killVswitchd(): Promise<void> {
    await endProgram(this.#vswitchd);
    this.#vswitchd = undefined;
  }

  /** ovs-vsctl, words separated by blanks, waiting for the configuration to take effect unless told otherwise. */
  async vsctl(words: string): Promise<{ stdout: string; stderr: string }> {
    const args = [`--db=${this.remote}`, '--timeout=30', ...words.split(' ')];
    const { stdout, stderr } = await runFile('ovs-vsctl', args, { env: this.env });
    return { stdout: stdout.trim(), stderr };
  }

  /** One column of a row as ovs-vsctl prints it. */
  async get(table: string, record: string, column: string): Promise<string> {
    return (await this.vsctl(`--no-wait get ${table} ${record} ${column}`)).stdout;
  }

  async stop(): Promise<void> {
    await endProgram(this.#vswitchd);
    await this.kill();
    rmSync(this.directory, { recursive: true });
  }

  #create(schema = SCHEMA): void {
    execFileSync('ovsdb-tool', ['create', this.#file, schema], { env: this.env, stdio: 'pipe' });
  }
}
