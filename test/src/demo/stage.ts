import type { CommandResult, Lab } from '../lab/index.js';
import type { Narrator, Seen } from './narrator.js';
import type { Shell } from './shell.js';

/** What every step works with. */
export class Stage {
  constructor(
    readonly lab: Lab,
    readonly narrator: Narrator,
    readonly shell: Shell,
  ) {}

  step(title: string, expected: string, work: () => Promise<Seen>): Promise<boolean> {
    return this.narrator.step(title, expected, work);
  }

  /** Types a command and shows it; throws when it fails. Returns its output. */
  async type(where: string, line: string): Promise<string> {
    const { status, stdout, stderr } = await this.try(where, line);
    if (status !== 0) throw new Error(`${line}: ${(stderr || stdout).trim()}`);
    return stdout.trimEnd();
  }

  /** Types a command and shows it, whatever comes of it. */
  try(where: string, line: string): Promise<CommandResult> {
    this.narrator.command(where, line);
    return this.shell.run(where, line);
  }

  /** Pings with a command that is shown. */
  async ping(from: string, to: string, count = 3): Promise<{ sent: number; received: number; text: string }> {
    const { stdout, stderr } = await this.try(from, `ping -c ${count} -i 0.1 -W 1 ${to}`);
    const counts = /(\d+) packets transmitted, (\d+) received/.exec(stdout);
    if (!counts) throw new Error(stderr || stdout);
    const [sent, received] = [Number(counts[1]), Number(counts[2])];
    const best = /= ([\d.]+)\//.exec(stdout)?.[1];
    const text = `${received} of ${sent} answered${best ? `, best in ${best} ms` : ''}`;
    return { sent, received, text };
  }

  /** A step's finding from pings that shall all be answered. */
  async pingsWork(...pairs: readonly (readonly [from: string, to: string])[]): Promise<Seen> {
    const results = [];
    for (const [from, to] of pairs) results.push(await this.ping(from, to));
    return {
      ok: results.every(({ sent, received }) => received === sent),
      seen: results.map(({ text }) => text).join('; '),
    };
  }
}
