import type { BpfMap, BpfProgram, Direction } from '@iovisor-ovn/libbpf';
import { type Edges, u32 } from './edges.js';
import type { Hop } from './hoverEngine.js';
import type { InterfaceHook } from './interfaceHook.js';

const EGRESS: Readonly<Record<Direction, number>> = { ingress: 0, egress: 1 };

/** A program of ours at an interface. */
export interface Attached {
  readonly ifindex: number;
  readonly direction: Direction;
  readonly program: BpfProgram;
}

/** Which interfaces carry our programs, and where what they receive, or what the kernel sends out of them, goes. */
export class Interfaces {
  readonly #map: BpfMap;
  readonly #edges: Edges;
  readonly #hook: InterfaceHook;
  readonly #programs: Readonly<Record<Direction, BpfProgram>>;
  readonly #attached: Readonly<Record<Direction, Map<number, number>>> = {
    ingress: new Map(),
    egress: new Map(),
  };
  /** Interfaces that may carry what the hook leaves. */
  readonly #touched = new Set<number>();

  /** @param map hover_interfaces */
  constructor(
    map: BpfMap,
    edges: Edges,
    hook: InterfaceHook,
    programs: Readonly<Record<Direction, BpfProgram>>,
  ) {
    this.#map = map;
    this.#edges = edges;
    this.#hook = hook;
    this.#programs = programs;
  }

  /** @throws BpfError ENODEV, when the interface is gone; nothing is changed then */
  set(ifindex: number, direction: Direction, hops: readonly Hop[]): void {
    if (!Number.isInteger(ifindex) || ifindex < 1) throw new RangeError(`${ifindex} is no ifindex`);
    const attached = this.#attached[direction];
    const before = attached.get(ifindex);
    if (hops.length === 0) {
      if (before === undefined) return;
      this.#hook.detach(ifindex, direction);
      this.#drop(ifindex, direction);
      return;
    }
    const edge = this.#edges.add(hops);
    this.#map.update(u32(ifindex, EGRESS[direction]), u32(edge));
    if (before !== undefined) {
      this.#edges.release(before);
      attached.set(ifindex, edge);
      return;
    }
    try {
      this.#touched.add(ifindex);
      attached.set(ifindex, edge);
      this.#hook.attach(ifindex, direction, this.#programs[direction]);
    } catch (error) {
      this.#drop(ifindex, direction);
      throw error;
    }
  }

  #drop(ifindex: number, direction: Direction): void {
    this.#map.delete(u32(ifindex, EGRESS[direction]));
    this.#edges.release(this.#attached[direction].get(ifindex) ?? 0);
    this.#attached[direction].delete(ifindex);
  }

  /** The interface is gone, and its programs with it. Another one may get its number. */
  forget(ifindex: number): void {
    this.#touched.delete(ifindex);
    for (const direction of ['ingress', 'egress'] as const) {
      if (!this.#attached[direction].has(ifindex)) continue;
      this.#hook.detach(ifindex, direction);
      this.#drop(ifindex, direction);
    }
  }

  /** What should be attached, all of it or that of one interface. */
  *attached(ifindex?: number): Generator<Attached> {
    for (const direction of ['ingress', 'egress'] as const) {
      const program = this.#programs[direction];
      const all = this.#attached[direction];
      const those = ifindex === undefined ? [...all.keys()] : all.has(ifindex) ? [ifindex] : [];
      for (const one of those) yield { ifindex: one, direction, program };
    }
  }

  close(): void {
    for (const direction of ['ingress', 'egress'] as const)
      for (const ifindex of [...this.#attached[direction].keys()]) this.set(ifindex, direction, []);
    for (const ifindex of this.#touched) this.#hook.tidy(ifindex);
  }
}
