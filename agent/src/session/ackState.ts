import type { Ack, Commit, Refusal } from '@iovisor-ovn/proto';

/** Ids of the local ports that forward now. */
export type Forwarding = Pick<ReadonlyMap<string, unknown>, 'has' | 'keys'>;

/** What the coordinator was told of the forwarding ports, on one stream. */
export class AckState {
  readonly #sent = new Set<string>();
  /** Ports that may not be as they were told of. */
  readonly #dirty = new Set<string>();
  /** To be told of (again) if they forward: a coordinator that had forgotten a port asks for it by sending it. */
  readonly #asked = new Set<string>();
  #complete = false;
  #commit: Pick<Ack, 'revision' | 'nbCfg' | 'nbCfgTimestamp'> | undefined;
  #due: readonly Refusal[] | undefined;

  /** These ports started or stopped forwarding. */
  touch(ids: Iterable<string>): void {
    for (const id of ids) this.#dirty.add(id);
  }

  /**
   * A commit was applied: it is acknowledged by the next Ack.
   * @param since when its nb_cfg took effect, ms since 1970
   * @param asked ports of it that forward
   */
  applied(
    { revision, nbCfg }: Commit,
    since: number,
    refusals: readonly Refusal[],
    asked: Iterable<string> = [],
  ): void {
    this.#commit = { revision, nbCfg, nbCfgTimestamp: BigInt(since) };
    this.#due = [...(this.#due ?? []), ...refusals];
    for (const id of asked) this.#asked.add(id);
  }

  /**
   * The Ack to send now; undefined: nothing to say. The first one of a stream lists all ports, the others what changed.
   * @param isOurs whether a port still is a local one: one that left is nobody's business any more
   */
  next(forwarding: Forwarding, isOurs: (id: string) => boolean): Ack | undefined {
    if (this.#commit === undefined || (this.#due === undefined && this.#dirty.size === 0)) return undefined;
    const complete = !this.#complete;
    const [started, stopped] = complete ? [[...forwarding.keys()], []] : this.#changes(forwarding, isOurs);
    for (const id of started) this.#sent.add(id);
    this.#dirty.clear();
    this.#asked.clear();
    if (this.#due === undefined && started.length === 0 && stopped.length === 0) return undefined;
    const refusals = [...(this.#due ?? [])];
    this.#complete = true;
    this.#due = undefined;
    return {
      ...this.#commit,
      refusals,
      forwarding: started,
      forwardingComplete: complete,
      notForwarding: stopped,
    };
  }

  #changes(forwarding: Forwarding, isOurs: (id: string) => boolean): [started: string[], stopped: string[]] {
    const started = new Set<string>();
    const stopped: string[] = [];
    for (const id of this.#dirty) {
      if (forwarding.has(id)) {
        if (!this.#sent.has(id)) started.add(id);
      } else if (this.#sent.delete(id) && isOurs(id)) stopped.push(id);
    }
    for (const id of this.#asked) if (forwarding.has(id)) started.add(id);
    return [[...started], stopped];
  }
}
