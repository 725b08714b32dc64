import { join } from 'node:path';
import { Daemon } from '@iovisor-ovn/coordinator/testing';
import { processId } from './proc.js';
import type { Registry } from './registry.js';

/** Put before a daemon's command line so that neither our Ctrl-C nor (when it shall outlive us) our end reaches it. */
export const daemonPrefix = (outlive: boolean): string[] => [
  'setsid',
  ...(outlive ? ['setpriv', '--pdeathsig', 'clear', '--'] : []),
];

export interface ServerOptions {
  name: string;
  argv: readonly string[];
  /** Run directory; logs go there too. */
  dir: string;
  /** Relative to `dir`: the socket that says it is up. */
  socket: string;
  registry: Registry;
  outlive: boolean;
}

/** An OVS or OVN daemon of Debian's, private to the lab. */
export class Server {
  readonly #daemon: Daemon;

  constructor(private readonly options: ServerOptions) {
    const { name, argv, dir, socket, outlive } = options;
    this.#daemon = new Daemon({
      name,
      socket: join(dir, socket),
      argv: [
        ...daemonPrefix(outlive),
        ...argv,
        `--log-file=${join(dir, `${name}.log`)}`,
        '-vconsole:off',
        '-vsyslog:off',
      ],
      env: runtimeEnv(dir),
    });
  }

  async start(): Promise<void> {
    await this.#daemon.start();
    const id = processId(this.#daemon.pid!);
    if (id) this.options.registry.note({ kind: 'process', ...id });
  }

  get pid(): number | undefined {
    return this.#daemon.pid;
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    return this.#daemon.stop(signal);
  }

  /** Sends a signal without waiting (SIGSTOP, SIGCONT). */
  signal(signal: NodeJS.Signals): void {
    this.#daemon.signal(signal);
  }
}

/** Environment in which OVS and OVN programs keep everything in `dir`, and find each other there. */
export function runtimeEnv(dir: string): NodeJS.ProcessEnv {
  const { OVN_NB_DAEMON: _nb, OVN_SB_DAEMON: _sb, ...env } = process.env;
  return { ...env, OVS_RUNDIR: dir, OVS_DBDIR: dir, OVS_LOGDIR: dir, OVN_RUNDIR: dir, OVN_LOGDIR: dir };
}
