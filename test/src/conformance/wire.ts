import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { checkout, type Netns } from '../lab/index.js';

const script = join(checkout, 'test', 'src', 'conformance', 'wire.py');

/** A frame that came in at a device. */
export interface Arrival {
  device: string;
  frame: Buffer;
}

/** Raw frames out of and into every device of a namespace (wire.py). */
export class Wire {
  /** Everything that came since the last take(), in order. */
  #arrivals: Arrival[] = [];
  #rest = '';
  /** What wire.py could not capture, or why it ended. */
  #failure: string | undefined;
  #wake: (() => void) | undefined;
  readonly #child: ChildProcessWithoutNullStreams;

  private constructor(netns: Netns) {
    const argv = ['setpriv', '--pdeathsig', 'KILL', '--', ...netns.prefix, 'python3', script];
    this.#child = spawn(argv[0]!, argv.slice(1), { stdio: 'pipe' });
    this.#child.stdin.on('error', () => undefined);
    this.#child.stdout.setEncoding('latin1').on('data', (text: string) => this.#read(text));
  }

  /** Resolves when it sees everything. */
  static async open(netns: Netns): Promise<Wire> {
    const wire = new Wire(netns);
    let said = '';
    wire.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const died = once(wire.#child, 'close').then(() => {
      throw new Error(`wire.py ended: ${said.trim()}`);
    });
    await Promise.race([once(wire.#child.stdout, 'data'), died]);
    died.catch((error: Error) => wire.#fail(error.message));
    return wire;
  }

  /** Sends frames in this order. */
  send(frames: readonly Arrival[]): void {
    this.#child.stdin.write(
      frames.map(({ device, frame }) => `${device} ${frame.toString('hex')}\n`).join(''),
    );
  }

  /** What came since the last call. @throws when wire.py has ended or could not capture everything */
  take(): Arrival[] {
    if (this.#failure !== undefined) throw new Error(this.#failure);
    const arrivals = this.#arrivals;
    this.#arrivals = [];
    return arrivals;
  }

  /** Resolves when there is something to take(), or after `timeoutMs` with false. */
  async more(timeoutMs: number): Promise<boolean> {
    if (this.#arrivals.length > 0 || this.#failure !== undefined) return true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(false), timeoutMs);
      const settle = (came: boolean) => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve(came);
      };
      this.#wake = () => settle(true);
    });
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.stdin.end();
    await closed;
  }

  #fail(what: string): void {
    this.#failure ??= what;
    this.#wake?.();
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) {
      if (line.startsWith('! ')) this.#fail(line.slice(2));
      const [device, hex] = line.split(' ');
      if (device !== undefined && hex !== undefined)
        this.#arrivals.push({ device, frame: Buffer.from(hex, 'hex') });
    }
    if (this.#arrivals.length > 0) this.#wake?.();
  }
}
