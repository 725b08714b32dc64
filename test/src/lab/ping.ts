import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Netns } from './netns.js';

export interface PingResult {
  sent: number;
  received: number;
}

export interface PingOptions {
  /** Default 3. */
  count?: number;
  /** Default 0.1 s between packets. */
  intervalSeconds?: number;
  /** Bytes of payload, ping -s. */
  size?: number;
  /** How long to wait for an answer when there was none at all, ping -W. Default 1 s. */
  waitSeconds?: number;
  /** Further options, such as -M do. */
  extra?: readonly string[];
}

/** The command line, without the namespace. */
export function pingArgv(to: string, o: PingOptions = {}): string[] {
  const size = o.size === undefined ? [] : ['-s', `${o.size}`];
  const times = ['-c', `${o.count ?? 3}`, '-i', `${o.intervalSeconds ?? 0.1}`, '-W', `${o.waitSeconds ?? 1}`];
  return ['ping', '-n', ...times, ...size, ...(o.extra ?? []), to];
}

/** Pings; an unreachable target is a result, not an error. */
export async function ping(from: Netns, to: string, o: PingOptions = {}): Promise<PingResult> {
  const { stdout, stderr } = await from.try(pingArgv(to, o));
  return statistics(stdout, stderr);
}

/**
 * Is each of the first packets answered? Those of ping -W have two round trips for it once there was an answer, which is little where everything waits for a
 * processor: these have `waitSeconds` (10) in all.
 */
export async function reaches(from: Netns, to: string, o: PingOptions = {}): Promise<boolean> {
  const { waitSeconds = 10, count = 3 } = o;
  if (count === 1) return (await ping(from, to, { ...o, waitSeconds })).received === 1;
  // Goes on until as many are answered: a late one, or one that is not the first.
  const deadline = ['-w', `${Math.ceil(waitSeconds)}`];
  const { stdout } = await from.try(pingArgv(to, { ...o, extra: [...deadline, ...(o.extra ?? [])] }));
  const answered = new Set([...stdout.matchAll(/icmp_seq=(\d+) ttl/g)].map(([, seq]) => Number(seq)));
  return Array.from({ length: count }, (_, i) => i + 1).every((seq) => answered.has(seq));
}

function statistics(stdout: string, stderr: string): PingResult {
  const match = /(\d+) packets transmitted, (\d+) received/.exec(stdout);
  if (!match) throw new Error(`ping printed no statistics: ${stdout}${stderr}`);
  return { sent: Number(match[1]), received: Number(match[2]) };
}

/** Pings that go on until stop(): what is lost while something else happens. */
export class PingSeries {
  readonly #child;
  readonly #answered = new Set<number>();
  #output = '';
  #errors = '';

  private constructor(from: Netns, to: string, intervalSeconds: number) {
    const argv = [...from.prefix, 'ping', '-n', '-i', `${intervalSeconds}`, to];
    this.#child = spawn(argv[0]!, argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
      for (const [, seq] of text.matchAll(/icmp_seq=(\d+) ttl/g)) this.#answered.add(Number(seq));
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
  }

  /** Starts, and resolves when the first answer is in. */
  static async start(from: Netns, to: string, intervalSeconds = 0.01): Promise<PingSeries> {
    const series = new PingSeries(from, to, intervalSeconds);
    await series.answers(1);
    return series;
  }

  /** Resolves when `more` further answers are in; throws after 30 s. */
  async answers(more: number): Promise<void> {
    const target = this.#answered.size + more;
    const signal = AbortSignal.timeout(30_000);
    while (this.#answered.size < target) {
      try {
        await once(this.#child.stdout, 'data', { signal });
      } catch {
        this.#child.kill('SIGKILL');
        throw new Error(`no ping answer for 30 s (${this.#answered.size} before) ${this.#errors}`);
      }
    }
  }

  /** Ends the series. `lost` does not count a packet that was just on its way. */
  async stop(): Promise<PingResult & { lost: number }> {
    const ended = once(this.#child, 'close');
    this.#child.kill('SIGINT');
    await ended;
    const { sent } = statistics(this.#output, this.#errors);
    const received = this.#answered.size;
    const last = Math.max(...this.#answered);
    return { sent, received, lost: last - received + Math.max(0, sent - last - 1) };
  }
}
