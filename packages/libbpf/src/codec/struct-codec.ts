import { struct } from './accessor.js';
import type { FieldLayout, StructLayout } from './layout.js';
import type { Accessor } from './value.js';

/**
 * Turns a C struct into an object and back. Native byte order; `__be16/32/64` members are numbers as a person
 * writes them (10.0.0.1 is 0x0a000001) and lie in network order. 64-bit integers are bigint, smaller ones number,
 * u8/char arrays Buffer, nested structs objects, other arrays arrays. Of a union all members are decoded; encode
 * the one that is meant (the last one named wins).
 */
export class StructCodec<T extends object = Record<string, unknown>> {
  readonly name: string;
  /** sizeof(struct), bytes. */
  readonly size: number;
  readonly fields: readonly FieldLayout[];
  readonly #value: Accessor;

  constructor(layout: StructLayout) {
    this.name = layout.name;
    this.size = layout.size;
    this.fields = layout.fields;
    this.#value = struct(layout);
  }

  /** A new Buffer of `size` bytes. Members not given, and padding, are zero: safe as a hash key. */
  encode(value: Partial<T>): Buffer {
    const buffer = Buffer.alloc(this.size);
    this.assign(buffer, 0, value);
    return buffer;
  }

  /**
   * Like encode, into a buffer of the caller: writes all `size` bytes, zeroing what is not given.
   * @throws RangeError, TypeError naming the field whose value does not fit
   */
  encodeInto(buffer: Buffer, offset: number, value: Partial<T>): void {
    this.#bounds(buffer, offset);
    buffer.fill(0, offset, offset + this.size);
    this.assign(buffer, offset, value);
  }

  /** Writes the given members only and leaves the others as they are. */
  assign(buffer: Buffer, offset: number, value: Partial<T>): void {
    this.#value.write(buffer, offset, value);
  }

  /** @throws RangeError if fewer than `size` bytes are left at `offset` */
  decode(buffer: Buffer, offset = 0): T {
    this.#bounds(buffer, offset);
    return this.#value.read(buffer, offset) as T;
  }

  #bounds(buffer: Buffer, offset: number): void {
    if (offset >= 0 && offset + this.size <= buffer.length) return;
    const room = `${buffer.length} bytes at offset ${offset}`;
    throw new RangeError(`${this.name} needs ${this.size} bytes; the buffer has ${room}`);
  }
}

/** The codec for a layout, as generated code (bpf-codegen) calls it. */
export function structCodec<T extends object>(layout: StructLayout): StructCodec<T> {
  return new StructCodec<T>(layout);
}
