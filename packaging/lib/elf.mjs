// What a 64-bit little-endian ELF executable or shared object needs of the system it runs on.
import { closeSync, openSync, readSync } from 'node:fs';

const SHT_DYNAMIC = 6;
const SHT_GNU_VERNEED = 0x6ffffffe;
const DT_NEEDED = 1;

/**
 * @returns {{ libraries: string[], versions: string[] }} DT_NEEDED, and the symbol versions wanted of them (`GLIBC_2.28`)
 */
export function elfNeeds(path) {
  const file = openSync(path, 'r');
  const read = (offset, size) => {
    const buffer = Buffer.alloc(size);
    if (readSync(file, buffer, 0, size, offset) !== size) throw new Error(`${path} is cut off`);
    return buffer;
  };
  try {
    const header = read(0, 64);
    if (header.readUInt32BE(0) !== 0x7f454c46 || header[4] !== 2 || header[5] !== 1)
      throw new Error(`${path} is no 64-bit little-endian ELF file`);
    const entrySize = header.readUInt16LE(58);
    const table = read(Number(header.readBigUInt64LE(40)), entrySize * header.readUInt16LE(60));
    const sections = [];
    for (let at = 0; at < table.length; at += entrySize)
      sections.push({
        type: table.readUInt32LE(at + 4),
        offset: Number(table.readBigUInt64LE(at + 24)),
        size: Number(table.readBigUInt64LE(at + 32)),
        link: table.readUInt32LE(at + 40),
      });
    const content = ({ offset, size }) => read(offset, size);
    const texts = (section) => {
      const strings = content(sections[section.link]);
      return (at) => strings.toString('latin1', at, strings.indexOf(0, at));
    };
    const libraries = [];
    for (const section of sections.filter(({ type }) => type === SHT_DYNAMIC)) {
      const [text, data] = [texts(section), content(section)];
      for (let at = 0; at < data.length; at += 16)
        if (data.readBigUInt64LE(at) === BigInt(DT_NEEDED))
          libraries.push(text(Number(data.readBigUInt64LE(at + 8))));
    }
    const versions = [];
    for (const section of sections.filter(({ type }) => type === SHT_GNU_VERNEED)) {
      const [text, data] = [texts(section), content(section)];
      for (let need = 0, next = 1; next !== 0; need += next) {
        const count = data.readUInt16LE(need + 2);
        for (let entry = need + data.readUInt32LE(need + 8), left = count; left > 0; left--) {
          versions.push(text(data.readUInt32LE(entry + 8)));
          entry += data.readUInt32LE(entry + 12);
        }
        next = data.readUInt32LE(need + 12);
      }
    }
    return { libraries, versions };
  } finally {
    closeSync(file);
  }
}
