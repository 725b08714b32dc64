import { bitfield } from './bitfield.js';
import { type StructLayout, sizeOf, type ValueLayout } from './layout.js';
import { type Accessor, describe } from './value.js';

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
  return struct(type.struct);
}

/** The accessor for a struct or union: reads all members, writes those that are given and leaves the others as they are. */
export function struct(layout: StructLayout): Accessor {
  const members = layout.fields.map(({ name, offset, type }) => ({ name, offset, ...accessor(type) }));
  const byName = new Map(members.map((member) => [member.name, member]));
  return {
    read(buffer, at) {
      const value: Record<string, unknown> = {};
      for (const member of members) value[member.name] = member.read(buffer, at + member.offset);
      return value;
    },
    write(buffer, at, value) {
      if (typeof value !== 'object' || value === null) {
        throw new TypeError(`${layout.name}: an object is wanted, not ${describe(value)}`);
      }
      for (const name in value) {
        const member = byName.get(name);
        if (member === undefined) throw new TypeError(`${layout.name} has no member ${name}`);
        const given = (value as Record<string, unknown>)[name];
        if (given === undefined) continue;
        try {
          member.write(buffer, at + member.offset, given);
        } catch (error) {
          throw located(error, `${layout.name}.${name}`);
        }
      }
    },
  };
}

function located(error: unknown, where: string): Error {
  const message = `${where}: ${error instanceof Error ? error.message : String(error)}`;
  return error instanceof TypeError
    ? new TypeError(message, { cause: error })
    : new RangeError(message, { cause: error });
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
