import { BpfError, type BpfMap } from '@iovisor-ovn/libbpf';
import { EntryError, type HoverTable, type TableEntry } from '../engine/hoverEngine.js';
import { formatEntry, parseEntry } from './entryText.js';
import { describe, type EntryType } from './entryType.js';

/** A map as a table of Hover's API. Of per-CPU maps a value is all CPUs' values, `[ v0 v1 ]`; one value is written to all. */
export class MapTable implements HoverTable {
  readonly name: string;
  readonly #map: BpfMap;
  readonly #key: EntryType;
  readonly #leaf: EntryType;
  readonly #perCpu: boolean;

  constructor(name: string, map: BpfMap, key: EntryType, leaf: EntryType) {
    this.name = name;
    this.#map = map;
    this.#key = key;
    this.#leaf = leaf;
    this.#perCpu = map.type.includes('percpu');
  }

  get fd(): number {
    return this.#map.fd;
  }

  get keyDesc(): string {
    return describe(this.#key);
  }

  get leafDesc(): string {
    return describe(this.#leaf);
  }

  get keySize(): number {
    return this.#map.keySize;
  }

  get leafSize(): number {
    return this.#map.valueSize;
  }

  *entries(): Generator<TableEntry> {
    // The kernel shows none.
    if (this.#map.type === 'perf_event_array') return;
    for (const [key, value] of this.#map.entries())
      yield {
        key: formatEntry(this.#key, key),
        value: this.#perCpu ? this.#formatAll(this.#map.splitPerCpu(value)) : formatEntry(this.#leaf, value),
      };
  }

  get(key: string): string | undefined {
    const bytes = parseEntry(this.#key, key, 'key');
    try {
      if (this.#perCpu) {
        const all = this.#map.lookupPerCpu(bytes);
        return all && this.#formatAll(all);
      }
      const value = this.#map.lookup(bytes);
      return value && formatEntry(this.#leaf, value);
    } catch (error) {
      throw asEntryError(`unable to look up element (${key})`, error);
    }
  }

  #formatAll(values: readonly Buffer[]): string {
    return `[ ${values.map((value) => `${formatEntry(this.#leaf, value)} `).join('')}]`;
  }

  set(key: string, value: string): void {
    const bytes = parseEntry(this.#key, key, 'key');
    const leaf = parseEntry(this.#leaf, value, 'leaf');
    try {
      this.#map.update(bytes, leaf);
    } catch (error) {
      throw asEntryError(`unable to update element (${key}=${value})`, error);
    }
  }

  delete(key: string): boolean {
    const bytes = parseEntry(this.#key, key, 'key');
    try {
      return this.#map.delete(bytes);
    } catch (error) {
      throw asEntryError(`unable to delete element (${key})`, error);
    }
  }
}

function asEntryError(what: string, error: unknown): unknown {
  if (!(error instanceof BpfError)) return error;
  // What was tried is said already, with the table as its users know it.
  const { message, operation, target } = error;
  return new EntryError(`${what}: ${message.replace(`${operation} ${target}: `, '')}`, { cause: error });
}
