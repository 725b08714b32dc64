import type { Hop, HoverEngine } from '../engine/hoverEngine.js';
import { sameHops } from './hops.js';

/** Something of which the engine can be told where its packets go. */
export type Slot =
  | { kind: 'port'; module: number; port: number }
  /** What the interface receives. */
  | { kind: 'ingress'; ifindex: number }
  /** What the kernel sends out of it. */
  | { kind: 'egress'; ifindex: number };

export type Wish = readonly [slot: Slot, hops: readonly Hop[]];

function keyOf(slot: Slot): string {
  return slot.kind === 'port' ? `p${slot.module}:${slot.port}` : `${slot.kind[0]}${slot.ifindex}`;
}

/** Knows what the engine was told, and tells it only what changes: all of it or nothing. */
export class Wiring {
  readonly #engine: () => HoverEngine;
  readonly #told = new Map<string, Wish>();

  constructor(engine: () => HoverEngine) {
    this.#engine = engine;
  }

  /**
   * What goes nowhere is cut first, interfaces before ports; then ports are led somewhere before interfaces are.
   * @throws what the engine throws, after everything was taken back
   */
  apply(wishes: readonly Wish[]): void {
    const changes = wishes.filter(([slot, hops]) => !sameHops(this.#now(slot), hops));
    const ordered = changes.sort(([slotA, hopsA], [slotB, hopsB]) => rank(slotA, hopsA) - rank(slotB, hopsB));
    const done: Wish[] = [];
    try {
      for (const [slot, hops] of ordered) {
        const before = this.#now(slot);
        this.#tell(slot, hops);
        done.push([slot, before]);
      }
    } catch (error) {
      for (const [slot, before] of done.reverse()) this.#try(slot, before);
      throw error;
    }
  }

  /** As `apply`, for what is gone: the engine need not know it any more. */
  forget(slots: readonly Slot[]): void {
    for (const slot of slots) if (this.#told.has(keyOf(slot))) this.#try(slot, []);
  }

  #now(slot: Slot): readonly Hop[] {
    return this.#told.get(keyOf(slot))?.[1] ?? [];
  }

  #tell(slot: Slot, hops: readonly Hop[]): void {
    if (slot.kind === 'port') this.#engine().setPort(slot.module, slot.port, hops);
    else if (slot.kind === 'ingress') this.#engine().setInterface(slot.ifindex, hops);
    else this.#engine().setEgress(slot.ifindex, hops);
    this.#remember(slot, hops);
  }

  #remember(slot: Slot, hops: readonly Hop[]): void {
    if (hops.length === 0) this.#told.delete(keyOf(slot));
    else this.#told.set(keyOf(slot), [slot, hops]);
  }

  /** The way back; an interface may have vanished meanwhile, which is why. */
  #try(slot: Slot, hops: readonly Hop[]): void {
    try {
      this.#tell(slot, hops);
    } catch {
      this.#remember(slot, []);
    }
  }
}

function rank(slot: Slot, hops: readonly Hop[]): number {
  if (hops.length === 0) return slot.kind === 'port' ? 1 : 0;
  return slot.kind === 'port' ? 2 : 3;
}
