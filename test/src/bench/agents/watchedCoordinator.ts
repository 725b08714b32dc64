import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { coordinatorBin, waitHealthy } from '@iovisor-ovn/coordinator/testing';
import { cpuSeconds } from '../scale/cpuTime.js';
import type { LoopReport } from './loopWatch.js';

const watch = fileURLToPath(new URL('loopWatch.js', import.meta.url));

/** A coordinator whose event loop is watched. */
export class WatchedCoordinator {
  readonly address: string;
  readonly #child: ChildProcess;
  readonly #dir: string;

  private constructor(dir: string, nb: string, sb: string) {
    this.#dir = dir;
    this.address = `unix:${join(dir, 'coordinator.sock')}`;
    const profile = process.env.IOVISOR_BENCH_PROFILE;
    const node = [...(profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : []), '--import', watch];
    const argv = [...node, coordinatorBin, '--nb', nb, '--sb', sb, '--listen', this.address];
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', process.execPath, ...argv], {
      stdio: ['ignore', profile ? openSync(join(profile, 'coordinator.log'), 'a') : 'ignore', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '', IOVISOR_LOOP_WATCH: join(dir, 'loop.json') },
    });
  }

  /** Resolves when it serves. */
  static async start(nb: string, sb: string): Promise<WatchedCoordinator> {
    const dir = await mkdtemp(join(tmpdir(), 'iovisor-bench-agents-'));
    const coordinator = new WatchedCoordinator(dir, nb, sb);
    await waitHealthy(coordinator.address);
    return coordinator;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Seconds of CPU it has used. */
  get cpu(): number {
    return cpuSeconds(this.pid);
  }

  /** The turns of its event loop since this was asked last. */
  async loop(): Promise<LoopReport> {
    const file = join(this.#dir, 'loop.json');
    await rm(file, { force: true });
    this.#child.kill('SIGUSR2');
    for (;;) {
      const text = await readFile(file, 'utf8').catch(() => '');
      if (text.endsWith('}')) return JSON.parse(text) as LoopReport;
      await delay(5);
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGTERM');
      await once(this.#child, 'exit');
    }
    await rm(this.#dir, { recursive: true, force: true });
  }
}
