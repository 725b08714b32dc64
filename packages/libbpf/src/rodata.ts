import type { Btf } from './btf/btf.js';
import type { ElfFile, ElfSymbol } from './btf/elf.js';
import { valueLayout } from './btf/layout-of.js';
import { accessor } from './codec/accessor.js';

/** A value for a `const volatile` global: a number, raw bytes, or an array or object as the codecs take them. */
export type RodataValue =
  | bigint
  | number
  | boolean
  | Buffer
  | readonly unknown[]
  | { readonly [member: string]: unknown };

/**
 * The read-only data sections with the given globals set.
 * Offsets come from the symbol table: in BTF they are zero until libbpf fills them in.
 * @throws Error naming the globals there are, RangeError if a value does not fit
 */
export function rodataImages(
  elf: ElfFile,
  btf: Btf,
  values: Readonly<Record<string, RodataValue>>,
): Map<string, Buffer> {
  const images = new Map<string, Buffer>();
  const globals = new Map<string, ElfSymbol>();
  for (const symbol of elf.symbols()) {
    if (symbol.section?.name.startsWith('.rodata') && symbol.size > 0) globals.set(symbol.name, symbol);
  }
  for (const [name, value] of Object.entries(values)) {
    const symbol = globals.get(name);
    if (symbol?.section === undefined) {
      const known = [...globals.keys()].join(', ') || 'none';
      throw new Error(`${btf.origin}: no const volatile global ${name}; there is ${known}`);
    }
    const image = images.get(symbol.section.name) ?? Buffer.from(symbol.section.data);
    images.set(symbol.section.name, image);
    write(btf, image, symbol, value);
  }
  return images;
}

function write(btf: Btf, image: Buffer, symbol: ElfSymbol, value: RodataValue): void {
  if (Buffer.isBuffer(value)) {
    if (value.length !== symbol.size) {
      throw new RangeError(
        `${btf.origin}: global ${symbol.name} has ${symbol.size} bytes, not ${value.length}`,
      );
    }
    value.copy(image, symbol.offset);
    return;
  }
  const id = btf.find(symbol.name, 'var');
  const variable = id === undefined ? undefined : btf.type(id);
  if (variable?.kind !== 'var') throw new Error(`${btf.origin}: BTF has no global ${symbol.name}`);
  try {
    accessor(valueLayout(btf, variable.type, symbol.name)).write(image, symbol.offset, value);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RangeError(`${btf.origin}: global ${symbol.name}: ${why}`, { cause });
  }
}
