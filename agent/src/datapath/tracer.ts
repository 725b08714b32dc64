import {
  type LoadedModules,
  loadIoModulesAsync,
  type TracedPacket,
  tracePacket,
} from '@iovisor-ovn/iomodules';

/** How long the programs for tracing stay loaded when nobody traces: they take memory of the kernel. */
const IDLE_MS = 60_000;
/** Traces that wait for the programs to be loaded, or for their turn; more are refused. */
const MAX_WAITING = 16;

/**
 * Traces packets by test runs of a second load of the IOModules over the live maps: it is made when it is needed, and
 * closed when nobody traced for a while. The live programs, their array and their pins know nothing of it.
 */
export class Tracer {
  readonly #maps: LoadedModules['maps'];
  readonly #idleMs: number;
  #load: Promise<LoadedModules> | undefined;
  #idle: NodeJS.Timeout | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closed = false;

  /** @param maps those of the live load */
  constructor(maps: LoadedModules['maps'], idleMs = IDLE_MS) {
    this.#maps = maps;
    this.#idleMs = idleMs;
  }

  /** Whether the programs for tracing are in the kernel, or on their way. */
  get loaded(): boolean {
    return this.#load !== undefined;
  }

  /**
   * One packet at a time, each in a turn of the event loop of its own.
   * @throws Error when too many wait, or the kernel takes no such packet
   */
  async trace(hook: 'entry' | 'uplink', frame: Buffer, ifindex: number): Promise<TracedPacket> {
    if (this.#waiting >= MAX_WAITING) throw new Error(`${MAX_WAITING} traces are waiting already: try again`);
    if (this.#closed) throw new Error('the agent is stopping');
    this.#waiting++;
    clearTimeout(this.#idle);
    const turn = this.#last.then(async () => {
      // Not in the turn that has just answered another.
      await new Promise(setImmediate);
      return tracePacket(await this.#programs(), hook, frame, { ifindex });
    });
    this.#last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#waiting--;
      if (this.#waiting === 0) this.#idle = setTimeout(() => this.#unload(), this.#idleMs).unref();
    }
  }

  /** Resolves when the kernel has nothing of it any more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    clearTimeout(this.#idle);
    await this.#unload();
  }

  #programs(): Promise<LoadedModules> {
    this.#load ??= loadIoModulesAsync({ maps: this.#maps, tracing: true }).catch((error) => {
      // The next trace tries again.
      this.#load = undefined;
      throw error;
    });
    return this.#load;
  }

  async #unload(): Promise<void> {
    const load = this.#load;
    this.#load = undefined;
    (await load?.catch(() => undefined))?.close();
  }
}
