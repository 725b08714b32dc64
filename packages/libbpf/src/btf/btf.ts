import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import type { StructLayout } from '../codec/layout.js';
import { StructCodec } from '../codec/struct-codec.js';
import { ElfFile, stringAt } from './elf.js';
import { structLayout } from './layout-of.js';
import { readType } from './read-type.js';
import { type BtfKind, type BtfType, btfKinds, type TypeTable, trailingBytes } from './type.js';

const MAGIC = 0xeb9f;
/** @internal where the kernel publishes its BTF */
export const KERNEL_BTF = '/sys/kernel/btf/vmlinux';

/** The types of a BPF object or of the kernel, read from BTF. Pure TypeScript: needs neither libbpf nor root. */
export class Btf implements TypeTable {
  /** Where it was read from, for error messages. */
  readonly origin: string;
  readonly #types: Buffer;
  readonly #strings: Buffer;
  /** Where each type starts; types are decoded when asked for, since the kernel has over 100,000. */
  readonly #starts: readonly number[];
  readonly #layouts = new Map<string, StructLayout>();
  #byName: Map<string, number> | undefined;
  #all: readonly BtfType[] | undefined;

  /** @param data a .BTF section @throws Error if it is not one */
  constructor(data: Buffer, origin: string) {
    this.origin = origin;
    if (endianness() !== 'LE') throw new Error('BTF: only little-endian machines are supported');
    if (data.length < 24 || data.readUInt16LE(0) !== MAGIC) throw new Error(`${origin}: not BTF data`);
    const header = data.readUInt32LE(4);
    const [typeAt, typeLength] = [header + data.readUInt32LE(8), data.readUInt32LE(12)];
    const [textAt, textLength] = [header + data.readUInt32LE(16), data.readUInt32LE(20)];
    if (Math.max(typeAt + typeLength, textAt + textLength) > data.length)
      throw new Error(`${origin}: BTF is cut off`);
    this.#types = data.subarray(typeAt, typeAt + typeLength);
    this.#strings = data.subarray(textAt, textAt + textLength);
    const starts = [-1];
    for (let at = 0; at < this.#types.length; ) {
      starts.push(at);
      const kind = this.#kindAt(at);
      if (kind === undefined)
        throw new Error(`${origin}: BTF type ${starts.length - 1} has a kind not known here`);
      at += 12 + trailingBytes(kind, this.#types.readUInt32LE(at + 4) & 0xffff);
    }
    this.#starts = starts;
  }

  /** Reads the .BTF section of an object file (`clang -target bpf -g`). */
  static fromObjectFile(path: string): Btf {
    const section = new ElfFile(readFileSync(path), path).section('.BTF');
    if (section === undefined) throw new Error(`${path}: has no BTF: compile it with -g`);
    return new Btf(section.data, path);
  }

  /** The running kernel's types. @throws Error if it was built without CONFIG_DEBUG_INFO_BTF */
  static fromKernel(path = KERNEL_BTF): Btf {
    return new Btf(readFileSync(path), path);
  }

  #kindAt(at: number): BtfKind | undefined {
    return btfKinds[(this.#types.readUInt32LE(at + 4) >>> 24) & 0x1f];
  }

  /** All types by number; the first is void. */
  get types(): readonly BtfType[] {
    this.#all ??= this.#starts.map((_, id) => this.type(id));
    return this.#all;
  }

  /** The type with a number. */
  type(id: number): BtfType {
    const at = this.#starts[id];
    if (at === undefined) throw new Error(`${this.origin}: BTF has no type ${id}`);
    if (at < 0) return { kind: 'void', name: '' };
    return readType(this.#types, at, (offset) => stringAt(this.#strings, offset));
  }

  /** The number of the first type of one of these kinds with this name. */
  find(name: string, ...kinds: BtfKind[]): number | undefined {
    this.#byName ??= this.#index();
    for (const kind of kinds) {
      const id = this.#byName.get(`${kind} ${name}`);
      if (id !== undefined) return id;
    }
    return undefined;
  }

  #index(): Map<string, number> {
    const index = new Map<string, number>();
    for (let id = 1; id < this.#starts.length; id++) {
      const at = this.#starts[id]!;
      const name = this.#types.readUInt32LE(at);
      if (name === 0) continue;
      const key = `${this.#kindAt(at)} ${stringAt(this.#strings, name)}`;
      if (!index.has(key)) index.set(key, id);
    }
    return index;
  }

  /** Looks through typedefs and const, volatile, restrict. */
  resolve(id: number): BtfType {
    for (let type = this.type(id); ; type = this.type(type.type)) {
      if (!['typedef', 'const', 'volatile', 'restrict', 'type_tag'].includes(type.kind) || !('type' in type))
        return type;
    }
  }

  /** Layout of a struct or union, by its tag or by the name of a typedef. */
  layout(name: string): StructLayout {
    let layout = this.#layouts.get(name);
    if (layout === undefined) {
      const id = this.find(name, 'struct', 'union', 'typedef');
      if (id === undefined) throw new Error(`${this.origin}: no struct or union ${name}. ${UNUSED}`);
      layout = structLayout(this, id, name);
      this.#layouts.set(name, layout);
    }
    return layout;
  }

  /** Codec of a struct or union, by its tag or by the name of a typedef. @throws Error if there is none */
  struct<T extends object = Record<string, unknown>>(name: string): StructCodec<T> {
    return new StructCodec<T>(this.layout(name));
  }

  /** The enumerators of an enum, by its tag or by the name of a typedef, in the order of the C source. */
  enumValues(name: string): Map<string, number> {
    const id = this.find(name, 'enum', 'enum64', 'typedef');
    const type = id === undefined ? undefined : this.resolve(id);
    if (type?.kind !== 'enum' && type?.kind !== 'enum64')
      throw new Error(`${this.origin}: no enum ${name}. ${UNUSED}`);
    if (type.kind === 'enum' && type.size > 4) {
      throw new Error(
        `${this.origin}: enum ${name} has 64-bit values, which clang before 15 cuts off in BTF`,
      );
    }
    return new Map(type.values.map(([key, value]) => [key, Number(value)]));
  }
}

const UNUSED = 'clang leaves out of BTF what no map, global variable or function uses';
