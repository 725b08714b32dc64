import { BUILT_IN, FIRST_DEFINED, type GobType, WIRE_TYPE } from './gobTypes.js';

/** A struct: the fields that were sent. Those that are zero are not. */
export type GobStruct = { readonly [field: string]: GobValue };
/** Integers are bigint, whatever their sign. */
export type GobValue = boolean | bigint | number | string | Buffer | readonly GobValue[] | GobStruct;

/** The stream makes no sense; what follows in it does not either. */
export class GobError extends Error {}

/** Longest packet and its header, with room. */
const MAX_MESSAGE = 256 * 1024;
const MAX_TYPES = 1000;
const MAX_DEPTH = 50;

/** Reads a stream of Go's encoding/gob, piece by piece as it comes from a socket. */
export class GobDecoder {
  #rest: Buffer = Buffer.alloc(0);
  readonly #types = new Map(BUILT_IN);

  /** @returns the structs that are complete now; values that are no structs are passed over. @throws GobError */
  push(chunk: Buffer): GobStruct[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const values: GobStruct[] = [];
    for (;;) {
      const message = this.#takeMessage();
      if (message === undefined) return values;
      const value = this.#readMessage(new GobReader(message, this.#types));
      if (value !== undefined) values.push(value);
    }
  }

  #takeMessage(): Buffer | undefined {
    const header = new GobReader(this.#rest, this.#types);
    const length = header.uintIfThere();
    if (length === undefined) return undefined;
    if (length > MAX_MESSAGE) throw new GobError(`a message of ${length} bytes`);
    const end = header.at + Number(length);
    if (this.#rest.length < end) return undefined;
    const message = this.#rest.subarray(header.at, end);
    this.#rest = this.#rest.subarray(end);
    return message;
  }

  #readMessage(reader: GobReader): GobStruct | undefined {
    const id = Number(reader.int());
    if (id < 0) {
      this.#define(-id, reader.value(WIRE_TYPE) as GobStruct);
      return undefined;
    }
    const type = this.#types.get(id);
    if (type === undefined) throw new GobError(`type ${id} was not described`);
    if (type.kind !== 'struct') return undefined;
    return reader.value(id) as GobStruct;
  }

  #define(id: number, wire: GobStruct): void {
    if (id < FIRST_DEFINED || this.#types.has(id)) throw new GobError(`type ${id} is described again`);
    if (this.#types.size > MAX_TYPES) throw new GobError('too many types');
    this.#types.set(id, describedBy(wire));
  }
}

function describedBy({ ArrayT, SliceT, StructT, MapT }: GobStruct): GobType {
  const id = (type: GobValue | undefined, field: string) => Number((type as GobStruct)[field] ?? 0);
  if (ArrayT !== undefined) return { kind: 'array', element: id(ArrayT, 'Elem') };
  if (SliceT !== undefined) return { kind: 'slice', element: id(SliceT, 'Elem') };
  if (MapT !== undefined) return { kind: 'map', key: id(MapT, 'Key'), element: id(MapT, 'Elem') };
  if (StructT === undefined) return { kind: 'opaque' };
  const fields = ((StructT as GobStruct).Field ?? []) as readonly GobStruct[];
  return {
    kind: 'struct',
    fields: fields.map((one) => ({ name: String(one.Name ?? ''), type: id(one, 'Id') })),
  };
}

/** Reads values from the bytes of one message. */
class GobReader {
  at = 0;
  #depth = 0;

  constructor(
    readonly bytes: Buffer,
    readonly types: ReadonlyMap<number, GobType>,
  ) {}

  get atEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  /** A byte below 128 is the number; otherwise its complement says how many bytes follow, the highest first. */
  uintIfThere(): bigint | undefined {
    const first = this.bytes[this.at];
    if (first === undefined) return undefined;
    const length = first < 128 ? 0 : 256 - first;
    if (length > 8) throw new GobError('a number of more than 64 bits');
    if (this.at + 1 + length > this.bytes.length) return undefined;
    this.at += 1 + length;
    if (length === 0) return BigInt(first);
    return BigInt(`0x${this.bytes.toString('hex', this.at - length, this.at)}`);
  }

  uint(): bigint {
    const value = this.uintIfThere();
    if (value === undefined) throw new GobError('a value is cut off');
    return value;
  }

  /** The lowest bit says whether the others are complemented. */
  int(): bigint {
    const bits = this.uint();
    return bits & 1n ? ~(bits >> 1n) : bits >> 1n;
  }

  value(id: number): GobValue {
    if (++this.#depth > MAX_DEPTH) throw new GobError('types are nested too deep');
    const type = this.types.get(id);
    if (type === undefined) throw new GobError(`type ${id} was not described`);
    const value = this.#valueOf(type);
    this.#depth--;
    return value;
  }

  #valueOf(type: GobType): GobValue {
    switch (type.kind) {
      case 'bool':
        return this.uint() !== 0n;
      case 'int':
        return this.int();
      case 'uint':
        return this.uint();
      case 'float':
        return this.#float();
      case 'complex':
        return [this.#float(), this.#float()];
      case 'string':
        return this.#take().toString('utf8');
      case 'bytes':
      case 'opaque':
        return Buffer.from(this.#take());
      case 'array':
      case 'slice':
        return Array.from({ length: this.#count() }, () => this.value(type.element));
      case 'map':
        return Array.from({ length: this.#count() }, () => [this.value(type.key), this.value(type.element)]);
      case 'struct':
        return this.#struct(type.fields);
    }
  }

  /** Each field is preceded by how far it is from the one before; 0 ends it. */
  #struct(fields: readonly { name: string; type: number }[]): GobStruct {
    const found: Record<string, GobValue> = {};
    let index = -1;
    for (let delta = this.uint(); delta !== 0n; delta = this.uint()) {
      index += Number(delta);
      const field = fields[index];
      if (field === undefined) throw new GobError('a field that its struct has not');
      found[field.name] = this.value(field.type);
    }
    return found;
  }

  /** The bytes of an IEEE 754 number, the lowest first, as an integer. */
  #float(): number {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(this.uint());
    return bytes.readDoubleLE();
  }

  #take(): Buffer {
    const length = this.#count();
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** Of bytes or elements, each of which takes a byte at least. */
  #count(): number {
    const count = this.uint();
    if (count > BigInt(this.bytes.length - this.at)) throw new GobError('a value is cut off');
    return Number(count);
  }
}
