import { bitfield } from './bitfield.js';
import { sizeOf, type ValueLayout } from './layout.js';
import { StructCodec } from './struct-codec.js';

/** Reads and writes one kind of value at an offset. */
export interface Accessor {
  read(buffer: Buffer, at: number): unknown;
  /** @throws TypeError or RangeError if the value does not fit the type. */
  write(buffer: Buffer, at: number, value: unknown): void;
}

function number(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'boolean') return Number(value);
  throw new TypeError(`a number is wanted, not ${describe(value)}`);
}

function bigint(value: unknown): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  throw new TypeError(`a bigint is wanted, not ${describe(value)}`);
}

/** @internal a value as an error message names it */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === 'object'
    ? (value.constructor?.name ?? 'object')
    : `${typeof value} ${String(value)}`;
}

// Written out instead of computed from names: these run for every field of every map entry.
const SCALARS: Readonly<Record<Extract<ValueLayout, string>, Accessor>> = {
  u8: { read: (b, at) => b.readUInt8(at), write: (b, at, v) => b.writeUInt8(number(v), at) },
  u16: { read: (b, at) => b.readUInt16LE(at), write: (b, at, v) => b.writeUInt16LE(number(v), at) },
  u32: { read: (b, at) => b.readUInt32LE(at), write: (b, at, v) => b.writeUInt32LE(number(v), at) },
  u64: { read: (b, at) => b.readBigUInt64LE(at), write: (b, at, v) => b.writeBigUInt64LE(bigint(v), at) },
  i8: { read: (b, at) => b.readInt8(at), write: (b, at, v) => b.writeInt8(number(v), at) },
  i16: { read: (b, at) => b.readInt16LE(at), write: (b, at, v) => b.writeInt16LE(number(v), at) },
  i32: { read: (b, at) => b.readInt32LE(at), write: (b, at, v) => b.writeInt32LE(number(v), at) },
  i64: { read: (b, at) => b.readBigInt64LE(at), write: (b, at, v) => b.writeBigInt64LE(bigint(v), at) },
  be16: { read: (b, at) => b.readUInt16BE(at), write: (b, at, v) => b.writeUInt16BE(number(v), at) },
  be32: { read: (b, at) => b.readUInt32BE(at), write: (b, at, v) => b.writeUInt32BE(number(v), at) },
  be64: { read: (b, at) => b.readBigUInt64BE(at), write: (b, at, v) => b.writeBigUInt64BE(bigint(v), at) },
  bool: { read: (b, at) => b.readUInt8(at) !== 0, write: (b, at, v) => b.writeUInt8(v ? 1 : 0, at) },
  f32: { read: (b, at) => b.readFloatLE(at), write: (b, at, v) => b.writeFloatLE(number(v), at) },
  f64: { read: (b, at) => b.readDoubleLE(at), write: (b, at, v) => b.writeDoubleLE(number(v), at) },
};

/** The accessor for a layout. */
export function accessor(type: ValueLayout): Accessor {
  if (typeof type === 'string') return SCALARS[type];
  if ('bytes' in type) return bytes(type.bytes);
  if ('array' in type) return array(type.array, type.count);
  if ('bits' in type) return bitfield(type);
  const codec = new StructCodec<Record<string, unknown>>(type.struct);
  return {
    read: (buffer, at) => codec.decode(buffer, at),
    write: (buffer, at, value) => codec.assign(buffer, at, value as Record<string, unknown>),
  };
}

function bytes(size: number): Accessor {
  return {
    // A copy: the buffer read from may be a scratch buffer the next call overwrites.
    read: (buffer, at) => Buffer.from(buffer.subarray(at, at + size)),
    write(buffer, at, value) {
      if (!(value instanceof Uint8Array)) throw new TypeError(`bytes are wanted, not ${describe(value)}`);
      if (value.length > size) throw new RangeError(`at most ${size} bytes fit, not ${value.length}`);
      buffer.fill(0, at + value.length, at + size).set(value, at);
    },
  };
}

function array(element: ValueLayout, count: number): Accessor {
  const { read, write } = accessor(element);
  const stride = sizeOf(element);
  return {
    read: (buffer, at) => Array.from({ length: count }, (_, i) => read(buffer, at + i * stride)),
    write(buffer, at, value) {
      if (!Array.isArray(value)) throw new TypeError(`an array is wanted, not ${describe(value)}`);
      if (value.length > count) throw new RangeError(`at most ${count} elements fit, not ${value.length}`);
      for (let i = 0; i < value.length; i++) write(buffer, at + i * stride, value[i]);
    },
  };
}
