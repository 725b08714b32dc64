import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Daemon } from './daemon.js';

const run = promisify(execFile);

/** Of the shipped schemas: names of the databases. */
const databases = { nb: 'OVN_Northbound', sb: 'OVN_Southbound' } as const;

/** Milliseconds: as short as ovsdb-tool takes it with some room, so that a new leader is elected in about a second. */
const electionMs = 500;

export interface ClusterOptions {
  which: 'nb' | 'sb';
  /** For databases, sockets and logs. */
  dir: string;
  schema: string;
  members: number;
  /** Put before every daemon's command line. */
  prefix: readonly string[];
  env: NodeJS.ProcessEnv;
}

/** What `cluster/status` says of a member, as far as tests need it. */
export interface MemberStatus {
  role: 'leader' | 'follower' | 'candidate' | string;
  /** "cluster member", "joining cluster", "left cluster" … */
  status: string;
}

/** One server of a cluster. */
export class ClusterMember {
  readonly remote: string;
  readonly #daemon: Daemon;
  readonly #control: string;
  readonly #database: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor(
    readonly name: string,
    readonly file: string,
    { which, dir, prefix, env }: ClusterOptions,
  ) {
    const socket = join(dir, `${name}.sock`);
    this.remote = `unix:${socket}`;
    this.#control = join(dir, `${name}.ctl`);
    this.#database = databases[which];
    this.#env = env;
    const log = [`--log-file=${join(dir, `${name}.log`)}`, '-vconsole:err', '-vsyslog:off'];
    const argv = [`--remote=punix:${socket}`, `--unixctl=${this.#control}`, file];
    this.#daemon = new Daemon({ name, socket, env, argv: [...prefix, 'ovsdb-server', ...log, ...argv] });
  }

  /** Process id while it runs. */
  get pid(): number | undefined {
    return this.#daemon.pid;
  }

  start(): Promise<void> {
    return this.#daemon.start();
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    return this.#daemon.stop(signal);
  }

  /** SIGSTOP: alive but deaf; SIGCONT. */
  signal(signal: NodeJS.Signals): void {
    this.#daemon.signal(signal);
  }

  /** ovs-appctl with the database's name behind the command: appctl('cluster/leave'). A server that is stopped answers never. */
  async appctl(command: string): Promise<string> {
    const argv = ['--timeout=5', '-t', this.#control, command, this.#database];
    return (await run('ovs-appctl', argv, { env: this.#env })).stdout;
  }

  /** Undefined when it does not answer. */
  async status(): Promise<MemberStatus | undefined> {
    const text = await this.appctl('cluster/status').catch(() => undefined);
    if (text === undefined) return undefined;
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1] ?? '';
    return { role: field('Role'), status: field('Status') };
  }
}

/** The servers of one database in RAFT. */
export class Cluster {
  readonly members: readonly ClusterMember[];
  readonly #options: ClusterOptions;

  constructor(options: ClusterOptions) {
    this.#options = options;
    const { which, dir, members } = options;
    this.members = Array.from({ length: members }, (_, i) => {
      const name = `${which}${i + 1}`;
      return new ClusterMember(name, join(dir, `${name}.db`), options);
    });
  }

  /** All of them, as --nb and --db want it. */
  get remotes(): string {
    return this.members.map(({ remote }) => remote).join(',');
  }

  /** Makes the databases and starts all; resolves when each is a member. */
  async start(): Promise<void> {
    const { schema, which } = this.#options;
    const [first, ...others] = this.members;
    const at = (member: ClusterMember) => `unix:${member.file}.raft`;
    const create = ['create-cluster', first!.file, schema, at(first!)];
    await run('ovsdb-tool', [`--election-timer=${electionMs}`, ...create]);
    await first!.start();
    for (const member of others) {
      await run('ovsdb-tool', ['join-cluster', member.file, databases[which], at(member), at(first!)]);
      await member.start();
    }
    for (const member of this.members) await until(async () => isMember(await member.status()));
  }

  /** The member that leads; waits for one to be elected. `not`: another than this. */
  async leader(not?: ClusterMember): Promise<ClusterMember> {
    let found: ClusterMember | undefined;
    await until(async () => {
      for (const member of this.members)
        if (member !== not && member.pid !== undefined && (await member.status())?.role === 'leader')
          found = member;
      return found !== undefined;
    });
    return found!;
  }

  /** A member that left joins anew, with an empty database, by way of `through`. */
  async rejoin(member: ClusterMember, through: ClusterMember): Promise<void> {
    await member.stop('SIGKILL');
    await rm(member.file, { force: true });
    const addresses = [`unix:${member.file}.raft`, `unix:${through.file}.raft`];
    await run('ovsdb-tool', ['join-cluster', member.file, databases[this.#options.which], ...addresses]);
    await member.start();
    await until(async () => isMember(await member.status()));
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop(signal)));
  }
}

function isMember(status: MemberStatus | undefined): boolean {
  return status?.status === 'cluster member' && (status.role === 'leader' || status.role === 'follower');
}

/** A cluster tells no event to who is not its client. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('the cluster was not ready in 20 s');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
