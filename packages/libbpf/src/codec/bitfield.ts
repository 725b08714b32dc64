import { isBigint, sizeOf, type ValueLayout } from './layout.js';
import type { Accessor } from './value.js';

/** Reads and writes a bitfield without touching its neighbours. Little-endian bit order, as on x86-64 and arm64. */
export function bitfield(type: Extract<ValueLayout, { bits: number }>): Accessor {
  const size = sizeOf(type);
  const shift = BigInt(type.shift);
  const width = BigInt(type.bits);
  const mask = ((1n << width) - 1n) << shift;
  const load = (buffer: Buffer, at: number): bigint => {
    let word = 0n;
    for (let i = size - 1; i >= 0; i--) word = (word << 8n) | BigInt(buffer.readUInt8(at + i));
    return word;
  };
  return {
    read(buffer, at) {
      const raw = (load(buffer, at) & mask) >> shift;
      const value = type.signed ? BigInt.asIntN(type.bits, raw) : raw;
      return isBigint(type) ? value : Number(value);
    },
    write(buffer, at, value) {
      if (typeof value !== 'bigint' && !Number.isInteger(value)) {
        throw new TypeError(`an integer is wanted, not ${String(value)}`);
      }
      const wanted = BigInt(value as bigint | number);
      const fits = type.signed ? BigInt.asIntN(type.bits, wanted) : BigInt.asUintN(type.bits, wanted);
      if (fits !== wanted) throw new RangeError(`${wanted} does not fit into ${type.bits} bits`);
      let word = (load(buffer, at) & ~mask) | ((wanted << shift) & mask);
      for (let i = 0; i < size; i++, word >>= 8n) buffer.writeUInt8(Number(word & 0xffn), at + i);
    },
  };
}
