import type { BpfObject } from '@iovisor-ovn/libbpf';
import { MapTable } from '../tables/table.js';
import type { HoverTable, ModuleInstance } from './hoverEngine.js';
import type { DeclaredTable } from './moduleObject.js';

/** A module in the kernel. */
export class LoadedModule implements ModuleInstance {
  readonly number: number;
  readonly tables: ReadonlyMap<string, HoverTable>;
  readonly #object: BpfObject;
  readonly #takeOut: () => void;
  #closed = false;

  /**
   * @param shown tables that every module has besides its own
   * @param takeOut removes it from the chain
   */
  constructor(
    number: number,
    object: BpfObject,
    declared: readonly DeclaredTable[],
    shown: readonly HoverTable[],
    takeOut: () => void,
  ) {
    this.number = number;
    this.#object = object;
    this.#takeOut = takeOut;
    const own = declared.map(({ name, map, key, leaf }) => new MapTable(name, object.map(map), key, leaf));
    this.tables = new Map([...shown, ...own].map((table) => [table.name, table]));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#takeOut();
    this.#object.close();
  }
}
