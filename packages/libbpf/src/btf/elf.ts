/** A section of an ELF file. */
export interface ElfSection {
  name: string;
  type: number;
  /** Index of the section this one refers to; for a symbol table its string table. */
  link: number;
  data: Buffer;
}

/** A symbol: where a global or static variable lies in its section. */
export interface ElfSymbol {
  name: string;
  section: ElfSection | undefined;
  /** Bytes from the start of the section. */
  offset: number;
  size: number;
}

const SHT_SYMTAB = 2;
const SHT_NOBITS = 8;

/** As much of a 64-bit little-endian ELF file as BPF objects need (elf(5)). */
export class ElfFile {
  readonly sections: readonly ElfSection[];

  /** @param origin the file's name, for error messages @throws Error if it is not such a file */
  constructor(file: Buffer, origin: string) {
    const fail = (why: string): never => {
      throw new Error(`${origin}: ${why}`);
    };
    if (file.length < 64 || file.readUInt32BE(0) !== 0x7f454c46) fail('not an ELF object file');
    if (file[4] !== 2) fail('not a 64-bit ELF file');
    if (file[5] !== 1) fail('compiled for big-endian machines; only little-endian ones are supported');
    const at = Number(file.readBigUInt64LE(40));
    const [entry, count, namesIndex] = [file.readUInt16LE(58), file.readUInt16LE(60), file.readUInt16LE(62)];
    if (at + entry * count > file.length) fail('truncated: the section table lies beyond the end');
    const headers = Array.from({ length: count }, (_, i) =>
      file.subarray(at + i * entry, at + (i + 1) * entry),
    );
    const content = (header: Buffer): Buffer => {
      if (header.readUInt32LE(4) === SHT_NOBITS) return Buffer.alloc(0);
      const start = Number(header.readBigUInt64LE(24));
      const end = start + Number(header.readBigUInt64LE(32));
      return end > file.length ? fail('truncated: a section lies beyond the end') : file.subarray(start, end);
    };
    const names = headers[namesIndex] ? content(headers[namesIndex]) : Buffer.alloc(0);
    this.sections = headers.map((header) => ({
      name: stringAt(names, header.readUInt32LE(0)),
      type: header.readUInt32LE(4),
      link: header.readUInt32LE(40),
      data: content(header),
    }));
  }

  section(name: string): ElfSection | undefined {
    return this.sections.find((section) => section.name === name);
  }

  *symbols(): Generator<ElfSymbol> {
    for (const table of this.sections) {
      if (table.type !== SHT_SYMTAB) continue;
      const names = this.sections[table.link]?.data ?? Buffer.alloc(0);
      for (let at = 0; at + 24 <= table.data.length; at += 24) {
        yield {
          name: stringAt(names, table.data.readUInt32LE(at)),
          section: this.sections[table.data.readUInt16LE(at + 6)],
          offset: Number(table.data.readBigUInt64LE(at + 8)),
          size: Number(table.data.readBigUInt64LE(at + 16)),
        };
      }
    }
  }
}

/** The NUL-terminated string at an offset of a string table. */
export function stringAt(table: Buffer, offset: number): string {
  const end = table.indexOf(0, offset);
  return table.toString('latin1', offset, end < 0 ? table.length : end);
}
