import type { Ack, Commit, Refusal } from '@iovisor-ovn/proto';

/** What the coordinator was told of the forwarding ports, on one stream. The sets given must not be changed later. */
export class AckState {
  #sent: ReadonlySet<string> | undefined;
  #commit: Pick<Commit, 'revision' | 'nbCfg'> | undefined;
  #due: readonly Refusal[] | undefined;

  /** A commit was applied: it is acknowledged by the next Ack. */
  applied(commit: Commit, refusals: readonly Refusal[]): void {
    this.#commit = commit;
    this.#due = refusals;
  }

  /**
   * The Ack to send now; undefined: nothing to say. The first one of a stream lists all ports, the others what changed.
   * @param isOurs whether a port still is a local one: one that left is nobody's business any more
   */
  next(forwarding: ReadonlySet<string>, isOurs: (id: string) => boolean): Ack | undefined {
    if (this.#commit === undefined) return undefined;
    if (this.#due === undefined && forwarding === this.#sent) return undefined;
    const sent = this.#sent ?? new Set<string>();
    const same = forwarding === sent;
    const started = same ? [] : [...forwarding].filter((id) => !sent.has(id));
    const stopped = same ? [] : [...sent].filter((id) => !forwarding.has(id) && isOurs(id));
    if (this.#due === undefined && started.length === 0 && stopped.length === 0) return undefined;
    const ack: Ack = {
      revision: this.#commit.revision,
      nbCfg: this.#commit.nbCfg,
      refusals: [...(this.#due ?? [])],
      forwarding: started,
      forwardingComplete: this.#sent === undefined,
      notForwarding: stopped,
    };
    this.#sent = forwarding;
    this.#due = undefined;
    return ack;
  }
}
