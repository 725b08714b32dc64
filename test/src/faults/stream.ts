import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { command } from '../lab/command.js';
import type { Machine } from '../lab/index.js';
import { checkout } from '../lab/program.js';

/** What became of a stream. */
export interface StreamResult {
  sent: number;
  received: number;
  lost: number;
  duplicated: number;
  reordered: number;
  /** Longest time between two arrivals, ms: also a machine that has no time makes one. */
  longestGapMs: number;
  /** Numbers of the first that are missing, from 0. */
  missing: number[];
}

/** Packets a second, unless said otherwise. */
export const RATE = 1000;

let binary: Promise<string> | undefined;
let nextPort = 20_000;

/** The meter (stream.c), compiled once a process. */
function meter(): Promise<string> {
  binary ??= (async () => {
    const dir = mkdtempSync(join(tmpdir(), 'iovstream-'));
    process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
    const file = join(dir, 'stream');
    const source = join(checkout, 'test', 'src', 'faults', 'stream.c');
    await command(['clang', '-O2', '-Wall', '-Werror', source, '-o', file]);
    return file;
  })();
  return binary;
}

/** One end of a stream. */
class End {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  constructor(at: Machine, argv: readonly string[]) {
    const [file, ...args] = [...at.netns.prefix, ...argv];
    this.#child = spawn(file!, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdin.on('error', () => {});
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const { done, value } = await this.#lines.next();
    if (done) throw new Error('an end of a stream ended early');
    return value;
  }

  /** Says it what to do, and reads what it tells. */
  async finish<T>(text: string): Promise<T> {
    const closed = once(this.#child, 'close');
    this.#child.stdin.end(text);
    const told = JSON.parse(await this.line()) as T;
    await closed;
    return told;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** Numbered packets at a steady rate from one machine to another, until stop(): what of them is lost while something else happens. */
export class Stream {
  readonly name: string;
  readonly #sender: End;
  readonly #receiver: End;

  private constructor(name: string, sender: End, receiver: End) {
    this.name = name;
    this.#sender = sender;
    this.#receiver = receiver;
  }

  /** Resolves when the first packets have been sent. They must know each other's way: ping before. */
  static async start(from: Machine, to: Machine, rate = RATE): Promise<Stream> {
    const file = await meter();
    const port = `${nextPort++}`;
    const receiver = new End(to, [file, 'receive', port]);
    await receiver.line();
    const sender = new End(from, [file, 'send', to.address(), port, `${rate}`]);
    await sender.line();
    return new Stream(`${from.name} → ${to.name}`, sender, receiver);
  }

  async stop(): Promise<StreamResult> {
    const { sent } = await this.#sender.finish<{ sent: number }>('');
    const told = await this.#receiver.finish<{
      received: number;
      duplicated: number;
      reordered: number;
      gapUs: number;
      missing: number[];
    }>(`${sent}\n`);
    const { gapUs, ...rest } = told;
    return { sent, lost: sent - told.received, longestGapMs: Math.round(gapUs / 1000), ...rest };
  }

  kill(): void {
    this.#sender.kill();
    this.#receiver.kill();
  }
}

/** Streams in both directions between the pairs of machines. */
export class Streams {
  readonly #streams: Stream[];

  private constructor(streams: Stream[]) {
    this.#streams = streams;
  }

  static async start(...pairs: readonly (readonly [Machine, Machine])[]): Promise<Streams> {
    const streams: Stream[] = [];
    for (const [a, b] of pairs) streams.push(await Stream.start(a, b), await Stream.start(b, a));
    return new Streams(streams);
  }

  /** Results by name: "vm1 → vm3". */
  async stop(): Promise<Record<string, StreamResult>> {
    const results = await Promise.all(
      this.#streams.map(async (stream) => [stream.name, await stream.stop()] as const),
    );
    return Object.fromEntries(results);
  }
}

/** What is wrong with a stream, as text: empty when nothing was lost, doubled or overtaken. */
export function faultsOf(results: Record<string, StreamResult>): string[] {
  return Object.entries(results).flatMap(([name, { lost, duplicated, sent, missing }]) =>
    lost === 0 && duplicated === 0
      ? []
      : [`${name}: ${lost} of ${sent} lost (${missing.join(', ')}), ${duplicated} doubled`],
  );
}

/** For the log of a test. */
export function summary(results: Record<string, StreamResult>): string {
  return Object.entries(results)
    .map(
      ([name, { sent, lost, longestGapMs }]) =>
        `${name}: ${lost} of ${sent} lost, longest gap ${longestGapMs} ms`,
    )
    .join('; ');
}
