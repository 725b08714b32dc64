/** A type in a stream of encoding/gob. References are ids: those below 64 are built in, others are defined in the stream. */
export type GobType =
  | { kind: 'bool' | 'int' | 'uint' | 'float' | 'bytes' | 'string' | 'complex' }
  | { kind: 'array' | 'slice'; element: number }
  | { kind: 'map'; key: number; element: number }
  | { kind: 'struct'; fields: readonly GobField[] }
  /** Encodes itself (GobEncoder, BinaryMarshaler, TextMarshaler): opaque bytes. */
  | { kind: 'opaque' };

export interface GobField {
  readonly name: string;
  readonly type: number;
}

export const BOOL = 1;
export const INT = 2;
export const UINT = 3;
export const FLOAT = 4;
export const BYTES = 5;
export const STRING = 6;
export const COMPLEX = 7;
/** Describes a type; it is sent before the first value of that type. */
export const WIRE_TYPE = 16;
const ARRAY_TYPE = 17;
const COMMON_TYPE = 18;
const SLICE_TYPE = 19;
const STRUCT_TYPE = 20;
const FIELD_TYPE = 21;
const FIELD_TYPES = 22;
const MAP_TYPE = 23;
const OPAQUE_TYPE = 24;
/** The first id that a stream may define. */
export const FIRST_DEFINED = 64;

/** What every stream knows from the start: basic types, and those of which descriptions of types are made. */
export const BUILT_IN: ReadonlyMap<number, GobType> = new Map<number, GobType>([
  [BOOL, { kind: 'bool' }],
  [INT, { kind: 'int' }],
  [UINT, { kind: 'uint' }],
  [FLOAT, { kind: 'float' }],
  [BYTES, { kind: 'bytes' }],
  [STRING, { kind: 'string' }],
  [COMPLEX, { kind: 'complex' }],
  [
    WIRE_TYPE,
    struct(
      ['ArrayT', ARRAY_TYPE],
      ['SliceT', SLICE_TYPE],
      ['StructT', STRUCT_TYPE],
      ['MapT', MAP_TYPE],
      ['GobEncoderT', OPAQUE_TYPE],
      ['BinaryMarshalerT', OPAQUE_TYPE],
      ['TextMarshalerT', OPAQUE_TYPE],
    ),
  ],
  [ARRAY_TYPE, struct(['CommonType', COMMON_TYPE], ['Elem', INT], ['Len', INT])],
  [COMMON_TYPE, struct(['Name', STRING], ['Id', INT])],
  [SLICE_TYPE, struct(['CommonType', COMMON_TYPE], ['Elem', INT])],
  [STRUCT_TYPE, struct(['CommonType', COMMON_TYPE], ['Field', FIELD_TYPES])],
  [FIELD_TYPE, struct(['Name', STRING], ['Id', INT])],
  [FIELD_TYPES, { kind: 'slice', element: FIELD_TYPE }],
  [MAP_TYPE, struct(['CommonType', COMMON_TYPE], ['Key', INT], ['Elem', INT])],
  [OPAQUE_TYPE, struct(['CommonType', COMMON_TYPE])],
]);

function struct(...fields: [name: string, type: number][]): GobType {
  return { kind: 'struct', fields: fields.map(([name, type]) => ({ name, type })) };
}
