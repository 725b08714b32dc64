import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { credentials } from '@grpc/grpc-js';
import { AdminClient } from '@iovisor-ovn/proto';
import type { Central } from './central.js';
import { waitHealthy } from './health.js';

export const coordinatorBin = fileURLToPath(new URL('../../bin/iovisor-coordinator.js', import.meta.url));
export const iovctlBin = fileURLToPath(new URL('../../bin/iovctl.js', import.meta.url));

export interface CoordinatorProcessOptions {
  /** Address to listen on; default: a unix socket in the central's directory. */
  listen?: string;
  /** Further arguments. */
  args?: readonly string[];
  /** 'serving' (default): resolve when it leads and has read the databases. 'standby': when both are read. */
  until?: 'serving' | 'standby';
}

let sockets = 0;

/** A coordinator process of its own. It dies with this process, however this process dies. */
export class CoordinatorProcess {
  readonly address: string;
  readonly admin: AdminClient;
  readonly #child: ChildProcess;
  #log = '';

  constructor(address: string, child: ChildProcess) {
    this.address = address;
    this.#child = child;
    this.admin = new AdminClient(address, credentials.createInsecure());
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (data: Buffer) => {
        this.#log = (this.#log + data.toString()).slice(-200_000);
      });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** What it wrote to stdout and stderr, the last 200,000 characters. */
  get log(): string {
    return this.#log;
  }

  /** Resolves when the health service says SERVING for `service`. */
  async healthy(service = ''): Promise<void> {
    const gone = once(this.#child, 'exit').then(([code]: unknown[]) => {
      throw new Error(`the coordinator ended with ${code}: ${this.#log}`);
    });
    gone.catch(() => undefined);
    await Promise.race([gone, waitHealthy(this.address, service)]);
  }

  /** Sends a signal; resolves with its exit code (null when a signal ended it). */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.admin.close();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#child.exitCode;
    const gone = once(this.#child, 'exit');
    this.#child.kill(signal);
    return ((await gone) as [number | null])[0];
  }
}

/** Starts iovisor-coordinator for a central. */
export async function startCoordinator(
  central: Pick<Central, 'dir' | 'nb' | 'sb'>,
  { listen, args = [], until = 'serving' }: CoordinatorProcessOptions = {},
): Promise<CoordinatorProcess> {
  const address = listen ?? `unix:${central.dir}/coordinator-${process.pid}-${++sockets}.sock`;
  const argv = [coordinatorBin, '--nb', central.nb, '--sb', central.sb, '--listen', address, ...args];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', process.execPath, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const coordinator = new CoordinatorProcess(address, child);
  if (until === 'serving') await coordinator.healthy();
  else await Promise.all([coordinator.healthy('ovn-nb'), coordinator.healthy('ovn-sb')]);
  return coordinator;
}
