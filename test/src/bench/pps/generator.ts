import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Cleanup } from '../cleanup.js';
import type { Native } from '../native.js';
import type { ForwardingPath } from './path.js';

/** One burst of packets through a path. */
export interface Burst {
  sent: number;
  received: number;
  /** Time from one arrival to the next, averaged over the burst. Infinity when nothing arrived. */
  nsPerPacket: number;
}

/** Flows (source ports) that the packets belong to: a power of two. */
export const FLOWS = 16;

/** Most frames under way to a process that forwards: below what a packet socket's default buffer takes. */
const WINDOW = 128;

/** The process that sends and counts packets on a path (native/packets.c). */
export class Generator {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #stderr = '';

  private constructor(native: Native, path: ForwardingPath, cpu: number) {
    const { from, to, frame, pids } = path;
    const window = pids.length > 0 ? WINDOW : 0;
    const ends = [from.path, 'eth0', to.path, 'eth0'];
    const args = [native.packetsObject, cpu, ...ends, frame.toString('hex'), FLOWS, window].map(String);
    this.#child = spawn(native.packets, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stderr!.on('data', (data: Buffer) => {
      this.#stderr = (this.#stderr + data).slice(-4096);
    });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** Starts the process for `path` on `cpu`; resolves when it is ready to send. */
  static async start(
    native: Native,
    path: ForwardingPath,
    cpu: number,
    cleanup: Cleanup,
  ): Promise<Generator> {
    const generator = new Generator(native, path, cpu);
    cleanup.add('packet generator', () => generator.#child.kill('SIGKILL'));
    await generator.#line();
    return generator;
  }

  /** Sends for `milliseconds`. */
  async burst(milliseconds: number): Promise<Burst> {
    this.#child.stdin!.write(`${milliseconds}\n`);
    const [sent = 0, received = 0, timed = 0, ns = 0] = (await this.#line()).split(' ').map(Number);
    return { sent, received, nsPerPacket: timed > 0 ? ns / timed : Number.POSITIVE_INFINITY };
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`packet generator ended: ${this.#stderr.trim()}`);
    return value;
  }
}
