import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, type ProcessId, processId } from './proc.js';
import { removeTrace, type Trace } from './trace.js';

/** Everything of a lab is below this directory or named in a file here: what a crash leaves can be found and removed. */
export const labRoot = '/run/iovisor-lab';

/**
 * What one lab has made on this machine, written down before it is made. A lab whose owner is dead, and that was not
 * meant to stay, is removed by the next one that starts.
 */
export class Registry {
  readonly #file: string;

  private constructor(readonly name: string) {
    this.#file = join(labRoot, `${name}.traces`);
  }

  /** Directory of the lab's sockets, databases and logs. Short: unix socket paths end at 107 characters. */
  get dir(): string {
    return join(labRoot, this.name);
  }

  /** Takes the name for a new lab; throws when a living or kept lab has it. */
  static create(name: string, owner: ProcessId = processId(process.pid)!): Registry {
    mkdirSync(labRoot, { recursive: true });
    const registry = new Registry(name);
    if (existsSync(registry.#file))
      throw new Error(`there is a lab named ${name} already (${registry.#file})`);
    registry.note({ kind: 'owner', ...owner });
    registry.note({ kind: 'directory', path: registry.dir });
    mkdirSync(registry.dir);
    return registry;
  }

  static open(name: string): Registry | undefined {
    const registry = new Registry(name);
    return existsSync(registry.#file) ? registry : undefined;
  }

  /** All labs that left something here. */
  static all(): Registry[] {
    if (!existsSync(labRoot)) return [];
    const names = readdirSync(labRoot).filter((file) => file.endsWith('.traces'));
    return names.map((file) => new Registry(file.slice(0, -'.traces'.length)));
  }

  note(trace: Trace): void {
    appendFileSync(this.#file, `${JSON.stringify(trace)}\n`);
  }

  /** From now on this lab outlives its owner. */
  keep(): void {
    this.note({ kind: 'keep' });
  }

  get kept(): boolean {
    return this.traces().some((trace) => trace.kind === 'keep');
  }

  /** Is the process that made it still there? */
  get owned(): boolean {
    return this.traces().some((trace) => trace.kind === 'owner' && isAlive(trace));
  }

  traces(): Trace[] {
    if (!existsSync(this.#file)) return [];
    const lines = readFileSync(this.#file, 'utf8').split('\n');
    // The last line may be torn by the crash that we clean up after.
    return lines.flatMap((line) => {
      try {
        return [JSON.parse(line) as Trace];
      } catch {
        return [];
      }
    });
  }

  /** Removes everything noted: processes, then namespaces, then pins, then files. Safe to repeat. */
  async clean(): Promise<void> {
    const order: Trace['kind'][] = ['process', 'netns', 'bpffs', 'directory'];
    for (const kind of order)
      for (const trace of this.traces()) if (trace.kind === kind) await removeTrace(trace);
    rmSync(this.#file, { force: true });
  }

  /** Removes labs that a crash left behind. */
  static async sweep(): Promise<void> {
    for (const registry of Registry.all()) if (!registry.kept && !registry.owned) await registry.clean();
  }
}
