import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import type { Netns } from './netns.js';

/** tcpdump on one device: each packet is one line of text, with its Ethernet header (-e). */
export class Capture {
  readonly lines: string[] = [];
  readonly #events = new EventEmitter();
  readonly #child: ChildProcess;

  private constructor(netns: Netns, device: string, filter: string, extra: readonly string[]) {
    const options = ['-i', device, '-nn', '-l', '-e', '-t', '-U', '--immediate-mode', ...extra];
    const argv = [...netns.prefix, 'tcpdump', ...options, filter];
    this.#child = spawn(argv[0]!, argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    let rest = '';
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      this.lines.push(...lines);
      this.#events.emit('lines');
    });
  }

  /** Starts, and resolves when the kernel has the filter: everything from now on is seen. */
  static async start(
    netns: Netns,
    filter: string,
    { device = 'eth0', ...o }: { device?: string; extra?: string[] } = {},
  ): Promise<Capture> {
    const capture = new Capture(netns, device, filter, o.extra ?? []);
    const { stderr } = capture.#child;
    let text = '';
    await new Promise<void>((resolve, reject) => {
      // The stream stays read to the end: a closed pipe would kill tcpdump at its next word.
      stderr!.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        if (text.includes('listening on')) resolve();
      });
      capture.#child.once('close', () => reject(new Error(`tcpdump: ${text.trim()}`)));
    });
    return capture;
  }

  /**
   * Resolves with the first line that matches. What was on the wire before that packet is in `lines` then: this is how a
   * test knows that something did NOT come.
   */
  async until(pattern: RegExp, timeoutMs = 20_000): Promise<string> {
    const signal = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const line = this.lines.find((candidate) => pattern.test(candidate));
      if (line) return line;
      try {
        await once(this.#events, 'lines', { signal });
      } catch {
        throw new Error(`no packet like ${pattern} in ${timeoutMs} ms; seen:\n${this.lines.join('\n')}`);
      }
    }
  }

  matching(pattern: RegExp): string[] {
    return this.lines.filter((line) => pattern.test(line));
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'close');
    this.#child.kill('SIGTERM');
    await ended;
  }
}
