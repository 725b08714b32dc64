import { type Delta, type HeldResource, type Refusal, type Resource, ResourceType } from '@iovisor-ovn/proto';
import { type CompiledResource, type ResourceKey, refKey, resourceRef } from '../logic/resource.js';

const maxResources = 500;
const maxBytes = 1 << 20;
const sliceMs = 3;

/** Gives what the agent must hold under a key, undefined when it must not hold it. */
export type Lookup = (key: ResourceKey) => CompiledResource | undefined;

/**
 * What one agent holds and what may have changed for it since. It holds at most one entry per resource, however slow
 * the agent is.
 */
export class Outbox {
  readonly #held = new Map<ResourceKey, bigint>();
  readonly #dirty = new Set<ResourceKey>();
  /** Sent since the last commit, and what of it changed again: a commit has each resource at most once. */
  readonly #sent = new Set<ResourceKey>();
  readonly #again = new Set<ResourceKey>();

  /** `held` is what the agent stated, `wanted` what it must hold: only the difference will be sent. */
  constructor(held: readonly HeldResource[], wanted: Iterable<ResourceKey>) {
    for (const { type, id, version } of held) {
      const key = refKey({ type, id });
      if (key === undefined) continue;
      this.#held.set(key, version);
      this.#dirty.add(key);
    }
    for (const key of wanted) this.#dirty.add(key);
  }

  /** True when nothing more goes into this commit. */
  get isEmpty(): boolean {
    return this.#dirty.size === 0;
  }

  /** True when nothing waits for the next commit either. */
  get isComplete(): boolean {
    return this.#dirty.size === 0 && this.#again.size === 0;
  }

  /** Number of resources which the agent holds, or will when what was sent arrives. */
  get size(): number {
    return this.#held.size;
  }

  /** @returns whether it goes into the commit after the one that is being sent */
  mark(key: ResourceKey): boolean {
    const later = this.#sent.has(key);
    (later ? this.#again : this.#dirty).add(key);
    return later;
  }

  /** What the agent holds there is not what was thought. */
  forget(key: ResourceKey): void {
    // No version of anything: it is sent, or, if the agent must not hold it, removed.
    this.#held.set(key, -1n);
    this.mark(key);
  }

  /** The commit is made: what is taken from now on belongs to the next. */
  committed(): void {
    this.#sent.clear();
    for (const key of this.#again) this.#dirty.add(key);
    this.#again.clear();
  }

  /**
   * Takes changes for one Delta: as many as make a message and a few milliseconds of work. Undefined when what was
   * looked at turned out to be as the agent holds it; call again until isEmpty.
   */
  take(lookup: Lookup): Delta | undefined {
    const delta: Delta = { upserts: [], removals: [] };
    const started = performance.now();
    let bytes = 0;
    for (const key of this.#dirty) {
      this.#dirty.delete(key);
      const compiled = lookup(key);
      if (compiled) {
        if (this.#held.get(key) === compiled.resource.version) continue;
        this.#held.set(key, compiled.resource.version);
        this.#sent.add(key);
        delta.upserts.push(compiled.resource);
        bytes += compiled.size;
      } else if (this.#held.delete(key)) {
        this.#sent.add(key);
        delta.removals.push(resourceRef(key));
        bytes += 64;
      }
      if (delta.upserts.length + delta.removals.length >= maxResources || bytes >= maxBytes) break;
      if (performance.now() - started > sliceMs) break;
    }
    return delta.upserts.length + delta.removals.length > 0 ? delta : undefined;
  }
}

/** True for a port that the agent no longer has, or has no longer locally, after this change: it forwards no more. */
export function isLocalPort(resource: Resource): boolean {
  return resource.body?.$case === 'logicalPort' && resource.body.value.local;
}

/** "port 1b4e…" for messages. */
export function refusalName(refusal: Refusal): string {
  const type = ResourceType[refusal.resource?.type ?? 0] ?? 'unknown';
  return `${type.toLowerCase().replace('_', ' ')} ${refusal.resource?.id ?? '?'}`;
}
