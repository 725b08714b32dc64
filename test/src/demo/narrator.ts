import pc from 'picocolors';

/** What a step found. */
export interface Seen {
  ok: boolean;
  seen: string;
}

const indent = '     ';

/** Tells the story on stdout: a step's title, what a user would type, what is expected, what was seen, how long it took. */
export class Narrator {
  readonly #start = performance.now();
  #number = 0;
  #silent = false;
  #failed: string[] = [];

  /** Steps that did not come out as expected. */
  get failed(): readonly string[] {
    return this.#failed;
  }

  say(text = ''): void {
    if (!this.#silent) console.log(text);
  }

  /** Interrupted: what is still running says no more. */
  silence(): void {
    this.#silent = true;
  }

  /** A command as typed at `prompt` ("", "hv1", "vm1"). */
  command(prompt: string, line: string): void {
    this.say(`${indent}${pc.dim(`${prompt.padStart(3)}$ ${line}`)}`);
  }

  /** A program's own output, shown as it is. */
  output(text: string): void {
    for (const line of text.trimEnd().split('\n')) this.say(`${indent}${line}`);
  }

  /** One step. `work` runs its commands and says what was seen; what it throws is a step that failed. */
  async step(title: string, expected: string, work: () => Promise<Seen>): Promise<boolean> {
    const start = performance.now();
    this.#number++;
    this.say(`\n${pc.bold(pc.cyan(`${this.#number}`.padStart(3)))}  ${pc.bold(title)}`);
    let result: Seen;
    try {
      result = await work();
    } catch (error) {
      result = { ok: false, seen: (error as Error).message };
    }
    const { ok, seen } = result;
    if (!ok) this.#failed.push(`${this.#number} ${title}`);
    const time = pc.dim(`${((performance.now() - start) / 1000).toFixed(1)} s`);
    this.say(`${indent}expected  ${expected}`);
    this.say(`${indent}seen      ${ok ? seen : pc.red(seen)}  ${time}  ${ok ? pc.green('✔') : pc.red('✘')}`);
    return ok;
  }

  /** The last line. */
  summary(): void {
    const took = `${((performance.now() - this.#start) / 1000).toFixed(1)} s`;
    const all = this.#number;
    if (this.#failed.length === 0) this.say(`\n${pc.green(`✔ All ${all} steps as expected, in ${took}.`)}`);
    else {
      this.say(`\n${pc.red(`✘ ${this.#failed.length} of ${all} steps not as expected, in ${took}:`)}`);
      for (const step of this.#failed) this.say(pc.red(`    ${step}`));
    }
  }
}
