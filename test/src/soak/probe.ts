import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { checkout, command, type Machine } from '../lab/index.js';
import type { Tenant } from './model.js';

/** Masks: bit n is machine n of the same tenant. */
export interface Probed {
  answers4: number;
  answers6: number;
  heard: number;
}

export interface ProbeOptions {
  tenant: Tenant;
  number: number;
  /** Called with each frame of the other tenant (the first 20), in hexadecimal. */
  onForeign: (frame: string) => void;
}

/** What a machine says and hears (probe.c), all the time. */
export class Probe {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: string[] = [];
  #wake: () => void = () => undefined;
  #ended = false;

  private constructor(
    readonly name: string,
    child: ChildProcessByStdio<Writable, Readable, null>,
    onForeign: (frame: string) => void,
  ) {
    this.#child = child;
    child.stdin.on('error', () => undefined);
    createInterface(child.stdout).on('line', (line) => {
      const foreign = /^{"foreign":"([0-9a-f]+)"}$/.exec(line);
      if (foreign) return onForeign(foreign[1]!);
      this.#answers.push(line);
      this.#wake();
    });
    child.once('exit', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** Compiles it. */
  static async compile(directory: string): Promise<string> {
    const file = join(directory, 'probe');
    const source = join(checkout, 'test', 'src', 'soak', 'probe.c');
    await command(['clang', '-O2', '-Wall', '-Werror', source, '-o', file]);
    return file;
  }

  static async start(binary: string, at: Machine, o: ProbeOptions): Promise<Probe> {
    const [file, ...args] = [...at.netns.prefix, binary, `0${o.tenant}`, `${o.number}`];
    const child = spawn(file!, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const probe = new Probe(at.name, child, o.onForeign);
    await probe.#line();
    return probe;
  }

  /**
   * Asks every machine by both IP versions until those of `answers` have answered and those of `heard` were heard. Then it is told
   * at once, but for 150 ms in which others may come that should not; after `mostMs` without them.
   */
  async ask(nonce: number, answers: number, heard: number, mostMs: number): Promise<Probed> {
    this.#child.stdin.write(`probe ${nonce} ${answers} ${heard} ${mostMs}\n`);
    return JSON.parse(await this.#line()) as Probed;
  }

  /** Whose requests arrived since this was asked last. */
  async heard(): Promise<number> {
    this.#child.stdin.write('heard\n');
    return (JSON.parse(await this.#line()) as { heard: number }).heard;
  }

  async stop(): Promise<void> {
    if (this.#ended) return;
    const gone = once(this.#child, 'exit');
    this.#child.stdin.end();
    await gone;
  }

  async #line(): Promise<string> {
    while (this.#answers.length === 0) {
      if (this.#ended) throw new Error(`the probe in ${this.name} ended`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#answers.shift()!;
  }
}
