import type { AstNode } from './ast.js';

/** Where a field of a header is on the wire: bits counted as RFCs draw them. */
export interface BitField {
  readonly bit: number;
  readonly width: number;
}

const BITS: Readonly<Record<string, number>> = {
  char: 8,
  short: 16,
  int: 32,
  long: 64,
  'long long': 64,
  _Bool: 8,
};

/** Fields by id, of all structs whose fields follow one another without gaps. */
export function bitFields(ast: AstNode): Map<string, BitField> {
  const fields = new Map<string, BitField>();
  const collect = (node: AstNode) => {
    if (node.kind === 'RecordDecl' && node.tagUsed === 'struct') addRecord(node, fields);
    for (const child of node.inner ?? []) collect(child);
  };
  collect(ast);
  return fields;
}

function addRecord(record: AstNode, fields: Map<string, BitField>): void {
  const packed = record.inner?.some(({ kind }) => kind === 'PackedAttr') === true;
  let bit = 0;
  for (const field of record.inner ?? []) {
    if (field.kind !== 'FieldDecl') continue;
    const { desugaredQualType, qualType } = field.type!;
    const width = field.isBitfield ? Number(bitsIn(field)) : bitsOf(desugaredQualType ?? qualType);
    if (width === undefined || Number.isNaN(width)) return;
    // The compiler puts a gap here: what follows is not where it looks to be.
    if (!packed && !field.isBitfield && bit % alignment(desugaredQualType ?? qualType) !== 0) return;
    fields.set(field.id!, { bit, width });
    bit += width;
  }
}

function bitsIn(field: AstNode): string | undefined {
  return field.inner?.find(({ kind }) => kind === 'ConstantExpr')?.value;
}

function bitsOf(type: string): number | undefined {
  const [, element, count] = /^(.*?) ?\[(\d+)\]$/.exec(type) ?? [];
  if (element !== undefined) return (bitsOf(element) ?? Number.NaN) * Number(count);
  const words = type.replace(/\b(unsigned|signed|const|volatile)\b/g, '').trim();
  return BITS[words === '' ? 'int' : words];
}

function alignment(type: string): number {
  return bitsOf(type.replace(/ ?\[\d+\]$/, '')) ?? 8;
}
