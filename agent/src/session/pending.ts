import type { Delta, Resource, ResourceRef } from '@iovisor-ovn/proto';
import type { Change } from '../datapath/change.js';
import { resourceType } from '../datapath/validate.js';

/** What arrived since the last Commit: nothing of it counts before the next. Of each resource the last word holds. */
export class Pending {
  readonly #upserts = new Map<string, Resource>();
  readonly #removals = new Map<string, ResourceRef>();
  #since: number | undefined;

  /** Within one Delta the removals come first. */
  add({ removals, upserts }: Delta): void {
    this.#since ??= performance.now();
    for (const ref of removals) {
      const key = `${ref.type}:${ref.id}`;
      this.#upserts.delete(key);
      this.#removals.set(key, ref);
    }
    for (const resource of upserts) {
      const key = `${resourceType(resource)}:${resource.id}`;
      this.#removals.delete(key);
      // Behind what came later than its first mention.
      this.#upserts.delete(key);
      this.#upserts.set(key, resource);
    }
  }

  /** When the first of it arrived, as performance.now() says; now, if there is nothing. To be read before take(). */
  get since(): number {
    return this.#since ?? performance.now();
  }

  take(full: boolean): Change {
    this.#since = undefined;
    const change = { upserts: [...this.#upserts.values()], removals: [...this.#removals.values()], full };
    this.#upserts.clear();
    this.#removals.clear();
    return change;
  }
}
