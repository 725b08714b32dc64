import { type Link, type LinkEvent, sameLink } from './link.js';

/** The devices by ifindex and by name; each change answers the event that describes it. */
export class LinkTable {
  readonly byIndex = new Map<number, Link>();
  readonly #byName = new Map<string, Link>();

  byName(name: string): Link | undefined {
    return this.#byName.get(name);
  }

  /** Undefined when nothing changed. */
  set(link: Link): LinkEvent | undefined {
    const old = this.byIndex.get(link.ifindex);
    if (old !== undefined && sameLink(link, old)) {
      // The name was free for a moment: an event from before it passed on, read late, gave and took it.
      if (!this.#byName.has(old.name)) this.#byName.set(old.name, old);
      return undefined;
    }
    this.#forgetName(old);
    this.byIndex.set(link.ifindex, link);
    this.#byName.set(link.name, link);
    return old === undefined ? { kind: 'new', link } : { kind: 'changed', link, old };
  }

  /** Undefined when the device was not known. */
  remove(ifindex: number): LinkEvent | undefined {
    const link = this.byIndex.get(ifindex);
    if (link === undefined) return undefined;
    this.byIndex.delete(ifindex);
    this.#forgetName(link);
    return { kind: 'removed', link };
  }

  /** Takes over a complete reading; the events are the difference, removals first so that a name is free for its next bearer. */
  replace(links: ReadonlyMap<number, Link>): LinkEvent[] {
    const gone = [...this.byIndex.keys()].filter((ifindex) => !links.has(ifindex));
    return [
      ...gone.map((ifindex) => this.remove(ifindex)),
      ...[...links.values()].map((link) => this.set(link)),
    ].filter((event) => event !== undefined);
  }

  /** While two devices exchange names, the name may have its new bearer already. */
  #forgetName(link: Link | undefined): void {
    if (link !== undefined && this.#byName.get(link.name)?.ifindex === link.ifindex)
      this.#byName.delete(link.name);
  }
}
