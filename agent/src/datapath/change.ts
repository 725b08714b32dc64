import type { Refusal, Resource, ResourceRef } from '@iovisor-ovn/proto';

/** What a Commit makes take effect. */
export interface Change {
  upserts: readonly Resource[];
  removals: readonly ResourceRef[];
  /** Everything that is wanted is known now: what else the maps hold may be swept away. */
  full: boolean;
}

export interface Applied {
  /** Resources of this change that are not in effect, or not wholly. */
  refusals: Refusal[];
  /** Ids of ports of this change that forward, changed or not: they are to be acknowledged (again). */
  forwarding: string[];
}
