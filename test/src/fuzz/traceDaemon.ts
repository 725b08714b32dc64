import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { command, type Lab } from '../lab/index.js';
import { processId } from '../lab/proc.js';
import { Unixctl } from './unixctl.js';

/** ovn-trace as a daemon: it has read the Southbound database once, and answers in a fraction of a millisecond. */
export class TraceDaemon {
  private constructor(private readonly control: Unixctl) {}

  /** Resolves when it has read the database as it is now. */
  static async start(lab: Lab): Promise<TraceDaemon> {
    const { dir } = lab.registry;
    const [socket, pidFile] = [join(dir, 'ovn-trace.ctl'), join(dir, 'ovn-trace.pid')];
    const quiet = ['-vconsole:off', '-vsyslog:off'];
    const files = [`--unixctl=${socket}`, `--pidfile=${pidFile}`];
    await command(['ovn-trace', `--db=${lab.central.sb}`, '--detach', '--no-chdir', ...files, ...quiet]);
    const id = processId(Number(readFileSync(pidFile, 'utf8')));
    if (id !== undefined) lab.registry.note({ kind: 'process', ...id });
    return new TraceDaemon(await Unixctl.connect(socket));
  }

  /** What `ovn-trace --minimal` prints. @throws Error when it does not understand the microflow */
  async trace(microflow: string): Promise<string> {
    const text = await this.control.call('trace', '--minimal', microflow);
    if (/^(error|unknown)/.test(text)) throw new Error(`ovn-trace: ${text.trim()}: ${microflow}`);
    return text;
  }

  async stop(): Promise<void> {
    await this.control.call('exit').catch(() => undefined);
    this.control.close();
  }
}
