import type { ResourceRef } from '@iovisor-ovn/proto';
import { refKey } from '../identities.js';
import { Refused } from '../refused.js';

/** Why a resource is not in effect, or not wholly. */
export interface RefusedResource {
  ref: ResourceRef;
  message: string;
}

/** Resources that are not in effect, by refKey(). */
export class Refusals {
  readonly #all = new Map<string, RefusedResource>();

  get all(): ReadonlyMap<string, RefusedResource> {
    return this.#all;
  }

  set(ref: ResourceRef, message: string): void {
    this.#all.set(refKey(ref), { ref, message });
  }

  delete(ref: ResourceRef): void {
    this.#all.delete(refKey(ref));
  }

  /** @param otherwise withdraws what may be left of the resource when the action throws Refused */
  attempt(ref: ResourceRef, action: () => void, otherwise: () => void): void {
    try {
      action();
      this.delete(ref);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      otherwise();
      this.set(ref, error.message);
    }
  }
}
