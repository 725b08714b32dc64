import type { BpfMap } from '@iovisor-ovn/libbpf';
import { EntryError, type Hop, type HoverTable, MAX_HOPS, MAX_PORTS } from '../engine/hoverEngine.js';
import { formatEntry, parseEntry } from './entryText.js';
import { describe, type EntryType } from './entryType.js';

const INT: EntryType = { kind: 'scalar', name: 'int', size: 4, signed: true };
const WORD: EntryType = { kind: 'scalar', name: 'unsigned int', size: 4, signed: false };
const CHAIN: EntryType = {
  kind: 'struct',
  name: 'chain',
  size: 4 * MAX_HOPS,
  fields: [
    { name: 'hops', offset: 0, type: { kind: 'array', size: 4 * MAX_HOPS, element: WORD, count: MAX_HOPS } },
  ],
};

/** A table that Hover's wrapper had in every module. Here it only shows what links have made. */
abstract class ShownTable implements HoverTable {
  abstract readonly name: string;
  readonly #map: BpfMap;
  readonly #leaf: EntryType;

  constructor(map: BpfMap, leaf: EntryType) {
    this.#map = map;
    this.#leaf = leaf;
  }

  get fd(): number {
    return this.#map.fd;
  }

  readonly keyDesc = describe(INT);
  readonly keySize = INT.size;

  get leafDesc(): string {
    return describe(this.#leaf);
  }

  get leafSize(): number {
    return this.#leaf.size;
  }

  /** The value under a number; undefined: there is none. */
  protected abstract read(index: number): Buffer | undefined;
  protected abstract indexes(): Iterable<number>;

  entries(): { key: string; value: string }[] {
    return [...this.indexes()].flatMap((index) => {
      const value = this.read(index);
      return value === undefined
        ? []
        : [{ key: `0x${index.toString(16)}`, value: formatEntry(this.#leaf, value) }];
    });
  }

  get(key: string): string | undefined {
    const value = this.read(parseEntry(INT, key, 'key').readInt32LE());
    return value && formatEntry(this.#leaf, value);
  }

  set(key: string, value: string): void {
    throw new EntryError(
      `unable to update element (${key}=${value}): ${this.name} is written by links alone`,
    );
  }

  delete(key: string): boolean {
    throw new EntryError(`unable to delete element (${key}): ${this.name} is written by links alone`);
  }
}

/** `modules`: the program of each module, by number; as in a program array, its id. */
export class ModulesTable extends ShownTable {
  readonly name = 'modules';
  readonly #ids: ReadonlyMap<number, number>;

  /** @param ids of programs by number of the module */
  constructor(map: BpfMap, ids: ReadonlyMap<number, number>) {
    super(map, INT);
    this.#ids = ids;
  }

  protected *indexes(): Iterable<number> {
    yield* [...this.#ids.keys()].sort((a, b) => a - b);
  }

  protected read(index: number): Buffer | undefined {
    const id = this.#ids.get(index);
    if (id === undefined) return undefined;
    const value = Buffer.alloc(4);
    value.writeInt32LE(id);
    return value;
  }
}

/** `forward_chain`: where each port leads, as `port << 16 | module`; an interface is its ifindex, and 0 is nothing. */
export class ForwardChainTable extends ShownTable {
  readonly name = 'forward_chain';
  readonly #hopsOf: (port: number) => readonly Hop[];

  constructor(map: BpfMap, hopsOf: (port: number) => readonly Hop[]) {
    super(map, CHAIN);
    this.#hopsOf = hopsOf;
  }

  protected *indexes(): Iterable<number> {
    for (let port = 0; port <= MAX_PORTS; port++) yield port;
  }

  protected read(port: number): Buffer | undefined {
    if (port < 0 || port > MAX_PORTS) return undefined;
    const value = Buffer.alloc(CHAIN.size);
    this.#hopsOf(port).forEach((hop, i) => {
      value.writeUInt32LE(hopWord(hop), 4 * i);
    });
    return value;
  }
}

function hopWord(hop: Hop): number {
  switch (hop.kind) {
    case 'module':
      return hop.port * 0x10000 + hop.module;
    case 'interface':
      return hop.ifindex;
    case 'stack':
      return 0;
  }
}
