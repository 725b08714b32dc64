import type { FieldLayout, ScalarLayout, StructLayout, ValueLayout } from '../codec/layout.js';
import type { BtfMember, BtfType, TypeTable } from './type.js';

/** Typedefs that say "network byte order"; BTF has no other trace of it. */
const BIG_ENDIAN: ReadonlyMap<string, ScalarLayout> = new Map([
  ['__be16', 'be16'],
  ['__be32', 'be32'],
  ['__be64', 'be64'],
]);

type Composite = Extract<BtfType, { kind: 'struct' | 'union' }>;

/** Layout of a struct or union. @param name what to call it if it has no tag of its own */
export function structLayout(btf: TypeTable, id: number, name: string): StructLayout {
  const type = btf.resolve(id);
  if (type.kind !== 'struct' && type.kind !== 'union') {
    throw new Error(`${btf.origin}: ${name} is a ${type.kind}, not a struct or union`);
  }
  return { name: type.name || name, size: type.size, fields: fieldsOf(btf, type, 0, type.name || name) };
}

function fieldsOf(btf: TypeTable, type: Composite, base: number, owner: string): FieldLayout[] {
  return type.members.flatMap((member) => {
    const inner = btf.resolve(member.type);
    if (member.name === '' && (inner.kind === 'struct' || inner.kind === 'union')) {
      return fieldsOf(btf, inner, base + member.bitOffset / 8, owner);
    }
    // Unnamed bitfields are padding.
    return member.name === '' ? [] : [field(btf, member, base, owner)];
  });
}

function field(btf: TypeTable, member: BtfMember, base: number, owner: string): FieldLayout {
  const offset = base + Math.floor(member.bitOffset / 8);
  if (member.bitSize === 0) {
    return { name: member.name, offset, type: valueLayout(btf, member.type, `${owner}_${member.name}`) };
  }
  const type = btf.resolve(member.type);
  const signed = 'signed' in type && type.signed;
  return { name: member.name, offset, type: { bits: member.bitSize, shift: member.bitOffset % 8, signed } };
}

/**
 * Layout of any type a value can have.
 * @param name what to call an anonymous struct in it
 * @throws Error for what has no size: functions, void, undefined structs
 */
export function valueLayout(btf: TypeTable, id: number, name: string): ValueLayout {
  const type = btf.type(id);
  switch (type.kind) {
    case 'typedef':
      return BIG_ENDIAN.get(type.name) ?? valueLayout(btf, type.type, type.name);
    case 'const':
    case 'volatile':
    case 'restrict':
    case 'type_tag':
      return valueLayout(btf, type.type, name);
    case 'int':
      if (type.bool) return 'bool';
      return type.size > 8 ? { bytes: type.size } : integer(type.size, type.signed);
    case 'enum':
    case 'enum64':
      return integer(type.size, type.signed);
    case 'float':
      return type.size === 4 ? 'f32' : type.size === 8 ? 'f64' : { bytes: type.size };
    case 'ptr':
      return 'u64';
    case 'array':
      return arrayLayout(btf, type.type, type.count, name);
    case 'struct':
    case 'union':
      return { struct: structLayout(btf, id, name) };
    default:
      throw new Error(`${btf.origin}: ${name} is of kind ${type.kind}, which has no layout`);
  }
}

function integer(size: number, signed: boolean): ScalarLayout {
  return `${signed ? 'i' : 'u'}${size * 8}` as ScalarLayout;
}

function arrayLayout(btf: TypeTable, elementId: number, count: number, name: string): ValueLayout {
  const element = btf.resolve(elementId);
  // To clang char is a signed int of one byte; only the name tells text from numbers.
  const bytes = element.kind === 'int' && element.size === 1 && (!element.signed || element.name === 'char');
  if (bytes && !element.bool) return { bytes: count };
  return { array: valueLayout(btf, elementId, name), count };
}
