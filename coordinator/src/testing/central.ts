import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Cluster } from './cluster.js';
import { Daemon } from './daemon.js';

const run = promisify(execFile);

export type CentralServer = 'nb' | 'sb' | 'northd';

export interface CentralOptions {
  /** Directory for databases, sockets and logs; it is made, and kept by stop(). Default: a temporary one, removed by stop(). */
  dir?: string;
  /** Further remotes for the databases in ovsdb-server's passive syntax: "ptcp:6641:10.0.0.1". */
  nbListen?: readonly string[];
  sbListen?: readonly string[];
  /** Put before every daemon's command line, for instance ['ip', 'netns', 'exec', 'central']. It must exec, not fork. */
  prefix?: readonly string[];
  /** Database files to start from (copied); default: empty databases. */
  nbFile?: string;
  sbFile?: string;
  /** false: no ovn-northd. Default true. */
  northd?: boolean;
  /** NB and SB are clusters (RAFT) of so many servers each, to be found in `clusters`. Without them a server each, in `startServer` and so on. */
  cluster?: number;
}

const schemas = { nb: '/usr/share/ovn/ovn-nb.ovsschema', sb: '/usr/share/ovn/ovn-sb.ovsschema' } as const;

const connections = {
  nb: 'OVN_Northbound,NB_Global,connections',
  sb: 'OVN_Southbound,SB_Global,connections',
} as const;

/** A private OVN central of unmodified programs: NB and SB ovsdb-server and ovn-northd, on unix sockets. */
export class Central {
  /** Directory of everything: nb.db, nb.sock, nb.log, … */
  readonly dir: string;
  /** Remotes in OVN syntax: "unix:/…/nb.sock". */
  readonly nb: string;
  readonly sb: string;
  /** With the option `cluster`. */
  readonly clusters?: Readonly<Record<'nb' | 'sb', Cluster>>;
  readonly #options: CentralOptions;
  readonly #temporary: boolean;
  readonly #daemons: Record<CentralServer, Daemon>;
  readonly #env: NodeJS.ProcessEnv;

  constructor(dir: string, temporary: boolean, options: CentralOptions) {
    this.dir = dir;
    this.#temporary = temporary;
    this.#options = options;
    // The Debian packages' directories must stay untouched.
    this.#env = { ...process.env, OVS_RUNDIR: dir, OVN_RUNDIR: dir, OVN_DBDIR: dir, OVN_LOGDIR: dir };
    if (options.cluster) this.clusters = { nb: this.#cluster('nb'), sb: this.#cluster('sb') };
    this.nb = this.clusters?.nb.remotes ?? `unix:${join(dir, 'nb.sock')}`;
    this.sb = this.clusters?.sb.remotes ?? `unix:${join(dir, 'sb.sock')}`;
    this.#daemons = {
      nb: this.#database('nb', options.nbListen ?? []),
      sb: this.#database('sb', options.sbListen ?? []),
      northd: this.#daemon('northd', join(dir, 'northd.ctl'), [
        'ovn-northd',
        `--ovnnb-db=${this.nb}`,
        `--ovnsb-db=${this.sb}`,
        `--unixctl=${join(dir, 'northd.ctl')}`,
      ]),
    };
  }

  /** Makes the databases and starts everything; resolves when northd has done its first pass. */
  async start(): Promise<void> {
    if (this.clusters) await Promise.all(Object.values(this.clusters).map((cluster) => cluster.start()));
    for (const which of this.clusters ? [] : (['nb', 'sb'] as const)) {
      const given = which === 'nb' ? this.#options.nbFile : this.#options.sbFile;
      if (given) await copyFile(given, this.#file(which));
      else await this.#create(which);
      await this.#daemons[which].start();
    }
    await Promise.all([this.nbctl('init'), this.sbctl('init')]);
    if (this.#options.northd === false) return;
    await this.#daemons.northd.start();
    await this.nbctl('--wait=sb', 'sync');
  }

  /** Runs ovn-nbctl against NB (30 s timeout unless the arguments give one); returns its output without the last newline. */
  nbctl(...args: string[]): Promise<string> {
    return this.#ctl('ovn-nbctl', this.nb, args);
  }

  /** Runs ovn-sbctl against SB. */
  sbctl(...args: string[]): Promise<string> {
    return this.#ctl('ovn-sbctl', this.sb, args);
  }

  /** Stops one server (SIGTERM unless told) and resolves when it is gone. Its database file stays. */
  stopServer(which: CentralServer, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    return this.#daemons[which].stop(signal);
  }

  /** Starts a stopped server again; resolves when it accepts connections. */
  startServer(which: CentralServer): Promise<void> {
    return this.#daemons[which].start();
  }

  /** SIGSTOP: alive but deaf. SIGCONT: again as before. */
  signalServer(which: CentralServer, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#daemons[which].signal(signal);
  }

  /** Stops a database server, replaces its file by an empty database, starts it. */
  async wipe(which: 'nb' | 'sb'): Promise<void> {
    await this.stopServer(which);
    await rm(this.#file(which), { force: true });
    await this.#create(which);
    await this.startServer(which);
  }

  /** Copies the database's file to `file`, as a backup would. */
  async save(which: 'nb' | 'sb', file: string): Promise<void> {
    await copyFile(this.#file(which), file);
  }

  /** Ends a database server (SIGKILL), replaces its file by that one, which may be older, and starts it. */
  async restore(which: 'nb' | 'sb', file: string): Promise<void> {
    await this.stopServer(which, 'SIGKILL');
    await copyFile(file, this.#file(which));
    await this.startServer(which);
  }

  /** Process ids of all daemons that run. */
  get pids(): number[] {
    const members = Object.values(this.clusters ?? {}).flatMap((cluster) => cluster.members);
    return [...Object.values(this.#daemons), ...members].flatMap(({ pid }) => pid ?? []);
  }

  /** Process id of a running server. */
  pid(which: CentralServer): number | undefined {
    return this.#daemons[which].pid;
  }

  /** Ends everything; removes the directory unless the caller gave it. */
  async stop(): Promise<void> {
    const servers = [...Object.values(this.#daemons), ...Object.values(this.clusters ?? {})];
    await Promise.all(servers.map((server) => server.stop('SIGKILL')));
    if (this.#temporary) await rm(this.dir, { recursive: true, force: true });
  }

  async #ctl(program: string, remote: string, args: string[]): Promise<string> {
    const options = args.some((arg) => /^(-t|--timeout)/.test(arg)) ? [] : ['--timeout=30'];
    const argv = [`--db=${remote}`, ...options, ...args];
    // A site's own ovn-nbctl daemon must not answer in our place.
    const { OVN_NB_DAEMON: _nb, OVN_SB_DAEMON: _sb, ...env } = this.#env;
    const { stdout } = await run(program, argv, { env, maxBuffer: 256 << 20 });
    return stdout.replace(/\n$/, '');
  }

  #cluster(which: 'nb' | 'sb'): Cluster {
    const { cluster: members = 3, prefix = [] } = this.#options;
    return new Cluster({ which, dir: this.dir, schema: schemas[which], members, prefix, env: this.#env });
  }

  #database(which: 'nb' | 'sb', listen: readonly string[]): Daemon {
    const socket = join(this.dir, `${which}.sock`);
    return this.#daemon(which, socket, [
      'ovsdb-server',
      `--remote=punix:${socket}`,
      // What ovn-nbctl set-connection says is listened on, too, as ovn-ctl has it.
      `--remote=db:${connections[which]}`,
      ...listen.map((remote) => `--remote=${remote}`),
      `--unixctl=${join(this.dir, `${which}.ctl`)}`,
      this.#file(which),
    ]);
  }

  #daemon(name: CentralServer, socket: string, argv: string[]): Daemon {
    const log = [`--log-file=${join(this.dir, `${name}.log`)}`, '-vconsole:err', '-vsyslog:off'];
    const [program, ...rest] = argv as [string, ...string[]];
    return new Daemon({
      name,
      socket,
      env: this.#env,
      argv: [...(this.#options.prefix ?? []), program, ...log, ...rest],
    });
  }

  #file(which: 'nb' | 'sb'): string {
    return join(this.dir, `${which}.db`);
  }

  async #create(which: 'nb' | 'sb'): Promise<void> {
    await run('ovsdb-tool', ['create', this.#file(which), schemas[which]]);
  }
}

/**
 * Starts a private OVN central. Resolves when NB, SB and northd answer; throws with the daemon's own words when one
 * does not start, and leaves nothing running then.
 */
export async function startCentral(options: CentralOptions = {}): Promise<Central> {
  if (options.dir) await mkdir(options.dir, { recursive: true });
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'iovisor-central-')));
  const central = new Central(dir, options.dir === undefined, options);
  try {
    await central.start();
  } catch (error) {
    await central.stop();
    throw error;
  }
  return central;
}
