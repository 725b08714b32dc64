import type { LogicalPort } from '@iovisor-ovn/proto';

/** Which of the ports that wait for a RARP of their machine have had it, though the resource does not say so yet. */
export class Activations {
  readonly #activated = new Set<string>();
  #found: string[] = [];

  /** Ports that were activated here of which the coordinator has not said that it knows. */
  get all(): Iterable<string> {
    return this.#activated;
  }

  /** Those that another one knows at this moment. */
  adopt(other: Activations): void {
    for (const id of other.#activated) this.#activated.add(id);
  }

  /** The machine has sent it. @returns whether the port waited */
  activate(id: string, port: LogicalPort | undefined): boolean {
    if (port?.local !== true || !port.awaitsRarp || this.#activated.has(id)) return false;
    this.#activated.add(id);
    return true;
  }

  forget(id: string): void {
    this.#activated.delete(id);
  }

  /**
   * Whether a port that is compiled now waits.
   * @param wasActive an agent before this one had let it forward: the coordinator may not have heard of it
   */
  settle(id: string, { local, awaitsRarp }: LogicalPort, wasActive: boolean): boolean {
    if (!local || !awaitsRarp) {
      this.#activated.delete(id);
      return false;
    }
    if (wasActive && !this.#activated.has(id)) {
      this.#activated.add(id);
      this.#found.push(id);
    }
    return !this.#activated.has(id);
  }

  waits(id: string, { awaitsRarp }: LogicalPort): boolean {
    return awaitsRarp && !this.#activated.has(id);
  }

  /** Ports that an agent before this one had activated, of those settled since the last call. */
  takeFound(): readonly string[] {
    const taken = this.#found;
    if (taken.length > 0) this.#found = [];
    return taken;
  }
}
