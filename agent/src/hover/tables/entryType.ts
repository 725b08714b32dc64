import type { Btf } from '@iovisor-ovn/libbpf';

/** A type of keys or values, as far as their text is concerned. Sizes are bytes. */
export type EntryType =
  /** An integer, enum, pointer or bool in the machine's byte order; wider ones than 8 bytes are arrays of bytes. */
  | { kind: 'scalar'; name: string; size: number; signed: boolean }
  | { kind: 'array'; size: number; element: EntryType; count: number }
  | { kind: 'struct' | 'union'; name: string; size: number; fields: EntryField[] };

export interface EntryField {
  name: string;
  /** Bytes from the start of the struct; of a bit-field those of the first byte it touches. */
  offset: number;
  /** Of a bit-field: counted from the least significant bit of that byte. */
  bits?: { shift: number; width: number };
  type: EntryType;
}

const BYTE: EntryType = { kind: 'scalar', name: 'unsigned char', size: 1, signed: false };

/** The type with a number in BTF. @throws Error for what has no size */
export function entryType(btf: Btf, id: number): EntryType {
  const type = btf.resolve(id);
  switch (type.kind) {
    case 'int':
    case 'enum':
    case 'enum64': {
      if (type.size > 8) return { kind: 'array', size: type.size, element: BYTE, count: type.size };
      const name = type.kind === 'int' ? type.name : 'unsigned int';
      return { kind: 'scalar', name, size: type.size, signed: type.signed };
    }
    case 'ptr':
      return { kind: 'scalar', name: 'unsigned long long', size: 8, signed: false };
    case 'array': {
      const element = entryType(btf, type.type);
      return { kind: 'array', size: element.size * type.count, element, count: type.count };
    }
    case 'struct':
    case 'union': {
      const fields = type.members.map((member): EntryField => {
        const common = {
          name: member.name,
          offset: Math.floor(member.bitOffset / 8),
          type: entryType(btf, member.type),
        };
        if (member.bitSize === 0) return common;
        return { ...common, bits: { shift: member.bitOffset % 8, width: member.bitSize } };
      });
      return { kind: type.kind, name: type.name, size: type.size, fields };
    }
    default:
      throw new Error(`a ${type.kind} has no entries`);
  }
}

/** The description in Hover's API: BCC's JSON. */
export function describe(type: EntryType): string {
  return JSON.stringify(described(type));
}

function described(type: EntryType): unknown {
  switch (type.kind) {
    case 'scalar':
      return type.name;
    case 'array': {
      const element = described(type.element);
      return Array.isArray(element) ? [...element, [type.count]] : [element, [type.count]];
    }
    default:
      return [type.name, type.fields.map(describedField), type.kind];
  }
}

function describedField({ name, bits, type }: EntryField): unknown[] {
  if (bits !== undefined) return [name, described(type), bits.width];
  if (type.kind === 'array') return [name, described(type.element), [type.count]];
  return [name, described(type)];
}
