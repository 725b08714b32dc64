import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
const env = { ...process.env, PATH: `/usr/sbin:/usr/bin:/sbin:/bin:${process.env.PATH}` };
const runFile = promisify(execFile);

/** A hypervisor's own ovsdb-server with the real schema, in a directory of its own. */
export class LocalOvsdb {
  readonly directory = mkdtempSync(join(tmpdir(), `taps${process.pid}-`));
  readonly remote = `unix:${join(this.directory, 'db.sock')}`;
  readonly #file = join(this.directory, 'conf.db');
  #server: ChildProcess | undefined;
  readonly #others: ChildProcess[] = [];

  constructor() {
    this.#create();
  }

  /** Starts the server and resolves when it serves. */
  async start(): Promise<this> {
    const socket = join(this.directory, 'db.sock');
    rmSync(socket, { force: true });
    this.#server = await this.#spawn(
      'ovsdb-server',
      [
        this.#file,
        `--remote=p${this.remote}`,
        `--unixctl=${join(this.directory, 'ctl')}`,
        '-vconsole:info',
        '-vsyslog:off',
      ],
      // Said when the sockets are open and the database is read.
      /ovsdb-server \(Open vSwitch\)/,
    );
    return this;
  }

  /** Ends the server as a crash would. */
  async kill(): Promise<void> {
    await end(this.#server);
    this.#server = undefined;
  }

  /** Replaces the database by an empty one; the server must not run. */
  wipe(): void {
    rmSync(this.#file);
    this.#create();
  }

  /** Starts stock ovs-vswitchd on this database, without the kernel's data path. */
  async startVswitchd(): Promise<ChildProcess> {
    const control = join(this.directory, 'vswitchd.ctl');
    const child = await this.#spawn(
      'ovs-vswitchd',
      ['--disable-system', this.remote, `--unixctl=${control}`, '-vconsole:info', '-vsyslog:off'],
      /ovs-vswitchd \(Open vSwitch\)/,
    );
    this.#others.push(child);
    return child;
  }

  /** ovs-vsctl, words separated by blanks, waiting for the configuration to take effect unless told otherwise. */
  async vsctl(words: string): Promise<{ stdout: string; stderr: string }> {
    const args = [`--db=${this.remote}`, '--timeout=30', ...words.split(' ')];
    const { stdout, stderr } = await runFile('ovs-vsctl', args, { env });
    return { stdout: stdout.trim(), stderr };
  }

  /** One column of a row as ovs-vsctl prints it. */
  async get(table: string, record: string, column: string): Promise<string> {
    return (await this.vsctl(`--no-wait get ${table} ${record} ${column}`)).stdout;
  }

  async stop(): Promise<void> {
    for (const child of this.#others) await end(child);
    await this.kill();
    rmSync(this.directory, { recursive: true });
  }

  #create(): void {
    execFileSync('ovsdb-tool', ['create', this.#file, SCHEMA], { env, stdio: 'pipe' });
  }

  async #spawn(program: string, args: string[], ready: RegExp): Promise<ChildProcess> {
    const child = spawn(program, args, {
      env: { ...env, OVS_RUNDIR: this.directory, OVS_DBDIR: this.directory, OVS_LOGDIR: this.directory },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const said: string[] = [];
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stderr! }).on('line', (line) => {
        said.push(line);
        if (ready.test(line)) resolve();
      });
      child.once('exit', () => reject(new Error(`${program} ended: ${said.join('\n')}`)));
    });
    return child;
  }
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
