import type { BpfMap } from '@iovisor-ovn/libbpf';
import { checkPort, type Edges, u32 } from './edges.js';
import type { Hop } from './hoverEngine.js';

/** HOVER_MAX_PORTS: with the unused port 0. */
const PORTS_PER_MODULE = 128;

/** Where the ports of modules lead. */
export class Ports {
  readonly #maps: { ports: BpfMap; lastPort: BpfMap };
  readonly #edges: Edges;
  readonly #modules = new Map<number, Map<number, { edge: number; hops: readonly Hop[] }>>();

  /** @param maps hover_ports and hover_last_port */
  constructor(maps: { ports: BpfMap; lastPort: BpfMap }, edges: Edges) {
    this.#maps = maps;
    this.#edges = edges;
  }

  hopsOf(module: number, port: number): readonly Hop[] {
    return this.#modules.get(module)?.get(port)?.hops ?? [];
  }

  set(module: number, port: number, hops: readonly Hop[]): void {
    checkPort(module, port);
    const edge = this.#edges.add(hops);
    const ports = this.#modules.get(module) ?? new Map();
    const before = ports.get(port)?.edge ?? 0;
    this.#maps.ports.update(u32(module * PORTS_PER_MODULE + port), u32(edge));
    this.#edges.release(before);
    if (edge === 0) ports.delete(port);
    else ports.set(port, { edge, hops: [...hops] });
    if (ports.size === 0) this.#modules.delete(module);
    else this.#modules.set(module, ports);
    this.#maps.lastPort.update(u32(module), u32(Math.max(0, ...ports.keys())));
  }

  /** All ports of a module lead nowhere. */
  clear(module: number): void {
    for (const port of [...(this.#modules.get(module)?.keys() ?? [])]) this.set(module, port, []);
  }
}
