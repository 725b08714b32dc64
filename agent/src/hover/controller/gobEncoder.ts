import { BYTES, FIRST_DEFINED, type GobField, UINT } from './gobTypes.js';
import type { PacketInMessage, PacketOutMessage } from './messages.js';

const METADATA = FIRST_DEFINED + 3;
const MD = FIRST_DEFINED + 2;
const PACKET_IN = FIRST_DEFINED + 1;
const PACKET_OUT = FIRST_DEFINED + 1;

/** Reader of descriptions of types: field numbers of wireType and of what it is made of. */
const WIRE = { array: 1, struct: 3 } as const;

const PACKET_IN_TYPES = Buffer.concat([
  message(-PACKET_IN, structType('PacketIn', PACKET_IN, [field('Md', MD), field('Data', BYTES)])),
  message(
    -MD,
    structType('PacketInMd', MD, [
      field('Module_id', UINT),
      field('Port_id', UINT),
      field('Packet_len', UINT),
      field('Reason', UINT),
      field('Metadata', METADATA),
    ]),
  ),
  message(-METADATA, arrayType('[3]uint32', METADATA, UINT, 3)),
]);
const PACKET_OUT_TYPES = message(
  -PACKET_OUT,
  structType('PacketOut', PACKET_OUT, [
    field('Module_id', UINT),
    field('Port_id', UINT),
    field('Sense', UINT),
    field('Data', BYTES),
  ]),
);

/** Writes a stream of Go's encoding/gob that has values of one type: its description goes before the first. */
class GobEncoder<Value> {
  #described = false;

  constructor(
    readonly types: Buffer,
    readonly id: number,
    readonly encodeStruct: (value: Value) => Buffer,
  ) {}

  encode(value: Value): Buffer {
    const encoded = message(this.id, this.encodeStruct(value));
    if (this.#described) return encoded;
    this.#described = true;
    return Buffer.concat([this.types, encoded]);
  }
}

/** What a controller reads. */
export function packetInEncoder(): GobEncoder<PacketInMessage> {
  return new GobEncoder(PACKET_IN_TYPES, PACKET_IN, ({ Md, Data }) => {
    const md = struct([
      [1, nonZero(Md.Module_id)],
      [2, nonZero(Md.Port_id)],
      [3, nonZero(Md.Packet_len)],
      [4, nonZero(Md.Reason)],
      [5, Buffer.concat([uint(Md.Metadata.length), ...Md.Metadata.map(uint)])],
    ]);
    return struct([
      [1, md],
      [2, Data.length === 0 ? undefined : bytes(Data)],
    ]);
  });
}

/** What a controller writes. */
export function packetOutEncoder(): GobEncoder<PacketOutMessage> {
  return new GobEncoder(PACKET_OUT_TYPES, PACKET_OUT, (packet) =>
    struct([
      [1, nonZero(packet.Module_id)],
      [2, nonZero(packet.Port_id)],
      [3, nonZero(packet.Sense)],
      [4, packet.Data.length === 0 ? undefined : bytes(packet.Data)],
    ]),
  );
}

function message(type: number, value: Buffer): Buffer {
  const content = Buffer.concat([int(type), value]);
  return Buffer.concat([uint(content.length), content]);
}

function uint(value: number): Buffer {
  if (value < 128) return Buffer.from([value]);
  const hex = value.toString(16);
  const digits = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return Buffer.concat([Buffer.from([256 - digits.length]), digits]);
}

function int(value: number): Buffer {
  return uint(value < 0 ? -(value + 1) * 2 + 1 : value * 2);
}

function bytes(value: Buffer): Buffer {
  return Buffer.concat([uint(value.length), value]);
}

function text(value: string): Buffer {
  return bytes(Buffer.from(value));
}

/** A field that is zero is not sent. */
function nonZero(value: number): Buffer | undefined {
  return value === 0 ? undefined : uint(value);
}

/** Fields by their numbers, from 1, in order; each is preceded by how far it is from the one before. */
function struct(fields: readonly (readonly [number: number, value: Buffer | undefined])[]): Buffer {
  const parts: Buffer[] = [];
  let last = 0;
  for (const [number, value] of fields) {
    if (value === undefined) continue;
    parts.push(uint(number - last), value);
    last = number;
  }
  return Buffer.concat([...parts, uint(0)]);
}

function field(name: string, type: number): GobField {
  return { name, type };
}

function commonType(name: string, id: number): Buffer {
  return struct([
    [1, text(name)],
    [2, int(id)],
  ]);
}

function structType(name: string, id: number, fields: readonly GobField[]): Buffer {
  const encoded = fields.map((one) =>
    struct([
      [1, text(one.name)],
      [2, int(one.type)],
    ]),
  );
  const type = struct([
    [1, commonType(name, id)],
    [2, Buffer.concat([uint(fields.length), ...encoded])],
  ]);
  return struct([[WIRE.struct, type]]);
}

function arrayType(name: string, id: number, element: number, length: number): Buffer {
  const type = struct([
    [1, commonType(name, id)],
    [2, int(element)],
    [3, int(length)],
  ]);
  return struct([[WIRE.array, type]]);
}
