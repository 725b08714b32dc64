import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { mountTestBpffs, Namespace, sh, temporaryDirectory } from './namespace.js';

const AGENT = fileURLToPath(new URL('../../bin/iovisor-agent.js', import.meta.url));
const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

/** A hypervisor: a network namespace with its own local OVSDB, BPF file system and agent process. */
export class Hypervisor {
  readonly name: string;
  readonly namespace = new Namespace('hv');
  readonly #directory = temporaryDirectory();
  readonly #bpffs = mountTestBpffs();
  #ovsdb: ChildProcess | undefined;
  #agent: ChildProcess | undefined;
  /** What the agent wrote so far. */
  output = '';

  constructor(name: string) {
    this.name = name;
  }

  get bpffs(): string {
    return join(this.#bpffs.path, 'iovisor');
  }

  get socket(): string {
    return join(this.#directory.path, 'db.sock');
  }

  get healthSocket(): string {
    return join(this.#directory.path, 'health.sock');
  }

  async startDatabase(): Promise<void> {
    const file = join(this.#directory.path, 'conf.db');
    if (!existsSync(file)) sh('ovsdb-tool', 'create', file, SCHEMA);
    this.#ovsdb = spawn('ovsdb-server', [`--remote=punix:${this.socket}`, '--no-chdir', '-vfile:off', file], {
      stdio: ['ignore', 'ignore', 'pipe'],
      cwd: this.#directory.path,
      env: { ...process.env, OVS_RUNDIR: this.#directory.path },
    });
    while (!(await answers(this.socket))) await setTimeout(5);
    this.vsctl('--no-wait', 'init');
  }

  vsctl(...args: string[]): string {
    return sh('ovs-vsctl', `--db=unix:${this.socket}`, '--timeout=10', ...args).trim();
  }

  /** external_ids of the Open_vSwitch row. */
  configure(ids: Record<string, string>): void {
    const settings = Object.entries(ids).map(([key, value]) => `external_ids:${key}="${value}"`);
    this.vsctl('--no-wait', 'set', 'Open_vSwitch', '.', ...settings);
  }

  startAgent(...args: string[]): ChildProcess {
    const flags = [
      '--ovsdb',
      `unix:${this.socket}`,
      '--bpffs',
      this.bpffs,
      '--health',
      `unix:${this.healthSocket}`,
      '--hover',
      'none',
    ];
    const command = [`--net=${this.namespace.path}`, process.execPath, AGENT, ...flags, ...args];
    const agent = spawn('nsenter', command, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [agent.stdout, agent.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    this.#agent = agent;
    return agent;
  }

  /** @returns the exit status */
  async stopAgent(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const agent = this.#agent;
    if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null)
      return agent?.exitCode ?? null;
    const exit = once(agent, 'exit');
    agent.kill(signal);
    await exit;
    return agent.exitCode;
  }

  /** Runs the agent's --cleanup. */
  cleanUp(): string {
    return sh(
      'nsenter',
      `--net=${this.namespace.path}`,
      process.execPath,
      AGENT,
      '--bpffs',
      this.bpffs,
      '--cleanup',
    );
  }

  async remove(): Promise<void> {
    await this.stopAgent('SIGKILL');
    if (this.#ovsdb !== undefined && this.#ovsdb.exitCode === null) {
      const exit = once(this.#ovsdb, 'exit');
      this.#ovsdb.kill('SIGKILL');
      await exit;
    }
    this.namespace.remove();
    this.#bpffs.unmount();
    this.#directory.remove();
  }
}

/** Whether somebody listens. That the file is there says only that it was bound. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    }).once('error', () => resolve(false));
  });
}
