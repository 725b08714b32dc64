import { readFileSync } from 'node:fs';

/** The numbers (enum bpf_func_id) of the helpers that the programs of an object file call, sorted. */
export function helperIds(path: string): number[] {
  const elf = readFileSync(path);
  const ids = new Set<number>();
  for (const section of programSections(elf)) {
    for (let at = 0; at < section.length; at += 8) {
      const [opcode, registers] = [section[at]!, section[at + 1]!];
      if (opcode === 0x85 && registers >> 4 === 0) ids.add(section.readInt32LE(at + 4)); // call of a helper
      if (opcode === 0x18) at += 8; // 64-bit immediate: two instructions
    }
  }
  return [...ids].sort((a, b) => a - b);
}

/** ELF64, little-endian: sections of type PROGBITS (1) with the executable flag (4). */
function programSections(elf: Buffer): Buffer[] {
  const [start, size, count] = [Number(elf.readBigUInt64LE(40)), elf.readUInt16LE(58), elf.readUInt16LE(60)];
  const headers = Array.from({ length: count }, (_, i) =>
    elf.subarray(start + i * size, start + (i + 1) * size),
  );
  return headers
    .filter((header) => header.readUInt32LE(4) === 1 && header.readBigUInt64LE(8) & 4n)
    .map((header) => {
      const offset = Number(header.readBigUInt64LE(24));
      return elf.subarray(offset, offset + Number(header.readBigUInt64LE(32)));
    });
}
