/** A member of a struct or union. */
export interface BtfMember {
  /** Empty for an anonymous member. */
  name: string;
  type: number;
  bitOffset: number;
  /** Width of a bitfield; 0 for an ordinary member. */
  bitSize: number;
}

/**
 * A type as BTF has it (kernel documentation: bpf/btf). `type` numbers refer to other types; 0 is void.
 * Sizes are bytes.
 */
export type BtfType =
  | { kind: 'void'; name: '' }
  | { kind: 'int'; name: string; size: number; signed: boolean; bool: boolean; char: boolean; bits: number }
  | { kind: 'float'; name: string; size: number }
  | { kind: 'ptr' | 'typedef' | 'volatile' | 'const' | 'restrict' | 'type_tag'; name: string; type: number }
  | { kind: 'array'; name: string; type: number; count: number }
  | { kind: 'struct' | 'union'; name: string; size: number; members: BtfMember[] }
  | { kind: 'enum' | 'enum64'; name: string; size: number; signed: boolean; values: [string, bigint][] }
  | { kind: 'fwd'; name: string }
  | { kind: 'func' | 'var' | 'decl_tag'; name: string; type: number }
  | { kind: 'func_proto'; name: string; type: number; params: { name: string; type: number }[] }
  | { kind: 'datasec'; name: string; size: number; vars: { type: number; offset: number; size: number }[] };

export type BtfKind = BtfType['kind'];

/** Kinds by BTF_KIND_* number. */
export const btfKinds: readonly BtfKind[] = [
  'void',
  'int',
  'ptr',
  'array',
  'struct',
  'union',
  'enum',
  'fwd',
  'typedef',
  'volatile',
  'const',
  'restrict',
  'func',
  'func_proto',
  'var',
  'datasec',
  'float',
  'decl_tag',
  'type_tag',
  'enum64',
];

/** Bytes that follow the 12-byte header of a type with `vlen` members. */
export function trailingBytes(kind: BtfKind, vlen: number): number {
  switch (kind) {
    case 'int':
    case 'var':
    case 'decl_tag':
      return 4;
    case 'array':
      return 12;
    case 'struct':
    case 'union':
    case 'datasec':
    case 'enum64':
      return 12 * vlen;
    case 'enum':
    case 'func_proto':
      return 8 * vlen;
    default:
      return 0;
  }
}

/** Types by their numbers. */
export interface TypeTable {
  /** Where they were read from, for error messages. */
  readonly origin: string;
  /** The type with a number. @throws Error if there is none */
  type(id: number): BtfType;
  /** Looks through typedefs and const, volatile, restrict. */
  resolve(id: number): BtfType;
}
