/** A number of fixed size: native byte order (little-endian), or network order for `be…`. */
export type ScalarLayout =
  | 'u8'
  | 'u16'
  | 'u32'
  | 'u64'
  | 'i8'
  | 'i16'
  | 'i32'
  | 'i64'
  | 'be16'
  | 'be32'
  | 'be64'
  | 'bool'
  | 'f32'
  | 'f64';

/** Where and how a C value lies in memory; plain data, so that generated code can carry it. */
export type ValueLayout =
  | ScalarLayout
  /** u8 and char arrays, and what has no number in JavaScript (128-bit integers): raw bytes. */
  | { bytes: number }
  | { array: ValueLayout; count: number }
  | { struct: StructLayout }
  /** A bitfield of `bits` bits, `shift` bits above the byte at the field's offset. */
  | { bits: number; shift: number; signed?: boolean };

/** A member of a struct or union. Members of anonymous members are listed as C sees them: as the parent's own. */
export interface FieldLayout {
  name: string;
  /** Bytes from the start of the struct. */
  offset: number;
  type: ValueLayout;
}

/** A struct or a union (then the fields overlap). */
export interface StructLayout {
  name: string;
  /** sizeof, trailing padding included. */
  size: number;
  fields: readonly FieldLayout[];
}

const SCALAR_SIZES: Readonly<Record<ScalarLayout, number>> = {
  u8: 1,
  u16: 2,
  u32: 4,
  u64: 8,
  i8: 1,
  i16: 2,
  i32: 4,
  i64: 8,
  be16: 2,
  be32: 4,
  be64: 8,
  bool: 1,
  f32: 4,
  f64: 8,
};

/** sizeof; of a bitfield the bytes it touches. */
export function sizeOf(type: ValueLayout): number {
  if (typeof type === 'string') return SCALAR_SIZES[type];
  if ('bytes' in type) return type.bytes;
  if ('array' in type) return sizeOf(type.array) * type.count;
  if ('struct' in type) return type.struct.size;
  return Math.ceil((type.shift + type.bits) / 8);
}

/** Whether JavaScript needs a bigint for it. */
export function isBigint(type: ValueLayout): boolean {
  if (typeof type === 'string') return type === 'u64' || type === 'i64' || type === 'be64';
  return 'bits' in type && type.bits > 32;
}
