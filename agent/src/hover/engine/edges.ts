import type { BpfMap } from '@iovisor-ovn/libbpf';
import { type Hop, MAX_HOPS, MAX_MODULES, MAX_PORTS } from './hoverEngine.js';

/** enum hover_end */
const END = { none: 0, interface: 1, stack: 2 } as const;
/** struct hover_edge */
const EDGE_SIZE = 24;
const END_AT = 16;
const IFINDEX_AT = 20;

/**
 * Lists of hops in the kernel. One is written before anything refers to it, and not again until it is the longest unused of all:
 * a packet follows the old one or the new one, never a mixture.
 */
export class Edges {
  readonly #map: BpfMap;
  /** 0 means: none. */
  #next = 1;
  readonly #free: number[] = [];

  /** @param map hover_edges */
  constructor(map: BpfMap) {
    this.#map = map;
  }

  /** @returns its index; 0 for no hops @throws RangeError for hops that cannot be, Error when there are too many lists */
  add(hops: readonly Hop[]): number {
    if (hops.length === 0) return 0;
    const edge = encodeEdge(hops);
    const index = this.#next < this.#map.maxEntries ? this.#next++ : this.#free.shift();
    if (index === undefined) throw new Error(`there are ${this.#map.maxEntries - 1} lists of hops already`);
    this.#map.update(u32(index), edge);
    return index;
  }

  /** Nothing refers to it any more. */
  release(index: number): void {
    if (index !== 0) this.#free.push(index);
  }
}

export function encodeEdge(hops: readonly Hop[]): Buffer {
  if (hops.length > MAX_HOPS) throw new RangeError(`${hops.length} hops are more than ${MAX_HOPS}`);
  const edge = Buffer.alloc(EDGE_SIZE);
  hops.forEach((hop, i) => {
    if (hop.kind === 'module') {
      checkPort(hop.module, hop.port);
      edge.writeUInt32LE(hop.port * 0x10000 + hop.module, 4 * i);
      return;
    }
    if (i !== hops.length - 1) throw new RangeError(`nothing can come after a hop to ${hop.kind}`);
    edge.writeUInt32LE(END[hop.kind], END_AT);
    if (hop.kind === 'interface') edge.writeUInt32LE(hop.ifindex, IFINDEX_AT);
  });
  return edge;
}

export function checkModule(module: number): void {
  if (!Number.isInteger(module) || module < 0 || module >= MAX_MODULES - 1)
    throw new RangeError(`module number ${module} is not one of 0 to ${MAX_MODULES - 2}`);
}

export function checkPort(module: number, port: number): void {
  checkModule(module);
  if (!Number.isInteger(port) || port < 1 || port > MAX_PORTS)
    throw new RangeError(`port ${port} of module ${module} is not one of 1 to ${MAX_PORTS}`);
}

export function u32(...numbers: number[]): Buffer {
  const bytes = Buffer.alloc(4 * numbers.length);
  numbers.forEach((number, i) => {
    bytes.writeUInt32LE(number, 4 * i);
  });
  return bytes;
}
