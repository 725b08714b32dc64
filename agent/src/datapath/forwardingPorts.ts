/** How the set of forwarding ports changed. */
export interface ForwardingDelta {
  /** Ids of ports that started or stopped. */
  readonly ids: readonly string[];
  /** Names of which a port started to forward … */
  readonly started: readonly string[];
  /** … and those of which none does any more. */
  readonly stopped: readonly string[];
}

/** The local ports that forward, by id, and what changed among them. Of one name there may be two while one replaces the other. */
export class ForwardingPorts {
  /** Name by id. */
  readonly #names = new Map<string, string>();
  readonly #bearers = new Map<string, number>();
  readonly #touched = new Set<string>();
  /** Whether a name forwarded when the difference was asked for last, of those touched since. */
  readonly #before = new Map<string, boolean>();

  get ids(): ReadonlyMap<string, string> {
    return this.#names;
  }

  /** Names of all forwarding ports. */
  get names(): Iterable<string> {
    return this.#bearers.keys();
  }

  /** @param name undefined: the port does not forward */
  set(id: string, name: string | undefined): void {
    const before = this.#names.get(id);
    if (before === name) return;
    this.#touched.add(id);
    if (before !== undefined) this.#count(before, -1);
    if (name !== undefined) this.#count(name, 1);
    if (name === undefined) this.#names.delete(id);
    else this.#names.set(id, name);
  }

  #count(name: string, by: number): void {
    const count = this.#bearers.get(name) ?? 0;
    if (!this.#before.has(name)) this.#before.set(name, count > 0);
    if (count + by > 0) this.#bearers.set(name, count + by);
    else this.#bearers.delete(name);
  }

  /** What changed since the last call; undefined: nothing. */
  take(): ForwardingDelta | undefined {
    if (this.#touched.size === 0) return undefined;
    const ids = [...this.#touched];
    const started: string[] = [];
    const stopped: string[] = [];
    for (const [name, before] of this.#before) {
      const now = this.#bearers.has(name);
      if (now !== before) (now ? started : stopped).push(name);
    }
    this.#touched.clear();
    this.#before.clear();
    return { ids, started, stopped };
  }
}
