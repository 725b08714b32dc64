import { CompileError } from '../engine/hoverEngine.js';
import type { AstLocation, AstNode } from './ast.js';
import { type BitField, bitFields } from './bitFields.js';

/** What is to be put in place of source[from, to). */
interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** The file that is rewritten is the one that this file includes: only its tokens are edited. */
export const MAIN = 'main.c';
/** As users know their source in messages. */
export const MODULE = 'module.c';
/** The variable by which the cursor_advance() macro is known (iomodules/hover/include/hover/packet.h). */
const CURSOR = 'hover_cursor_';

/**
 * Replaces what reads and writes `p->field`, where p was given by cursor_advance(), by hover_load() and hover_store(): p is an
 * offset in the packet there, not an address.
 * @param ast what clang makes of the file that includes the source (-ast-dump=json)
 * @throws CompileError, with the line, for any other use of such a pointer's target: it would mean something else
 */
export function rewriteCursors(ast: AstNode, source: string): string {
  return new Rewriter(ast, source).run();
}

class Rewriter {
  readonly #ast: AstNode;
  readonly #source: string;
  /** Functions that the module defines, and the ids of their parameters. */
  readonly #own: ReadonlyMap<string, readonly (readonly string[])[]>;
  readonly #cursors: ReadonlySet<string>;
  readonly #fields: ReadonlyMap<string, BitField>;
  readonly #edits = new Map<number, Edit>();
  readonly #insertions = new Map<number, string>();
  /** What hover_load() shall read: the enclosing function's parameter that is the packet. */
  #skb = '';

  constructor(ast: AstNode, source: string) {
    this.#ast = ast;
    this.#source = source;
    this.#own = ownFunctions(ast);
    this.#cursors = cursorVariables(ast, this.#own);
    this.#fields = bitFields(ast);
  }

  run(): string {
    if (this.#cursors.size === 0) return this.#source;
    for (const node of this.#ast.inner ?? []) {
      if (node.kind !== 'FunctionDecl') continue;
      this.#skb = packetParameter(node);
      for (const child of node.inner ?? []) this.#visit(child);
    }
    const edits = [...this.#edits.values()].sort((a, b) => a.from - b.from);
    const insertions = [...this.#insertions].sort(([a], [b]) => a - b);
    let at = 0;
    let text = '';
    const copy = (to: number) => {
      while (insertions[0] !== undefined && insertions[0][0] <= to) {
        const [offset, insertion] = insertions.shift()!;
        text += this.#source.slice(at, offset) + insertion;
        at = offset;
      }
      text += this.#source.slice(at, to);
      at = to;
    };
    for (const { from, to, text: replacement } of edits) {
      copy(from);
      // Lines keep their numbers.
      text += replacement + '\n'.repeat(this.#source.slice(from, to).split('\n').length - 1);
      at = to;
    }
    copy(this.#source.length);
    return text;
  }

  #visit(node: AstNode): void {
    const [first, second] = node.inner ?? [];
    switch (node.kind) {
      case 'UnaryExprOrTypeTraitExpr':
        return; // sizeof(*p) reads nothing
      case 'ImplicitCastExpr':
        if (node.castKind !== 'LValueToRValue' || !this.#isField(first)) break;
        this.#load(first!);
        return;
      case 'BinaryOperator':
      case 'CompoundAssignOperator':
        if (!node.opcode?.endsWith('=') || !isAssignment(node.opcode) || !this.#isField(first)) break;
        this.#store(first!, second!, node.opcode);
        return;
      case 'UnaryOperator':
        if ((node.opcode === '++' || node.opcode === '--') && this.#isField(first)) {
          this.#increment(node, first!);
          return;
        }
        if (node.opcode === '*' && this.#isCursor(first)) this.#refuse(node, first!);
        break;
      case 'CStyleCastExpr':
        // The field's offset in the packet.
        if (node.castKind === 'PointerToIntegral' && this.#isAddress(first)) return;
        break;
      case 'MemberExpr':
        if (this.#isField(node)) this.#refuse(node, node.inner![0]!);
        break;
      case 'ArraySubscriptExpr':
        for (const child of node.inner ?? []) if (this.#isCursor(child)) this.#refuse(node, child);
        break;
      case 'CallExpr':
        this.#call(node);
        return;
    }
    for (const child of node.inner ?? []) this.#visit(child);
  }

  /** The module's own functions may be given cursors; others would take them for addresses. */
  #call(node: AstNode): void {
    const [callee, ...given] = node.inner ?? [];
    const isOwn = this.#own.has(calledFunction(callee) ?? '');
    for (const argument of given) {
      if (isOwn || isNumber(argument)) {
        if (this.#isCursor(argument)) continue;
      } else if (this.#isCursor(argument)) this.#refuse(node, argument);
      this.#visit(argument);
    }
    if (callee !== undefined) this.#visit(callee);
  }

  /** &p->field */
  #isAddress(node: AstNode | undefined): boolean {
    const inner = withoutCasts(node);
    return inner?.kind === 'UnaryOperator' && inner.opcode === '&' && this.#isField(inner.inner?.[0]);
  }

  /** p->field with p from cursor_advance(). */
  #isField(node: AstNode | undefined): boolean {
    const inner = withoutParens(node);
    return inner?.kind === 'MemberExpr' && inner.isArrow === true && this.#isCursor(inner.inner?.[0]);
  }

  #isCursor(node: AstNode | undefined): boolean {
    const inner = withoutCasts(node);
    return inner?.kind === 'DeclRefExpr' && this.#cursors.has(inner.referencedDecl?.id ?? '');
  }

  /** Arguments of hover_load() and hover_store() that say where the field is. */
  #place(member: AstNode): string {
    const pointer = withoutCasts(member.inner?.[0])!.referencedDecl!.name!;
    const field = this.#fields.get(member.referencedMemberDecl ?? '');
    if (field === undefined || field.width > 64) this.#refuse(member, member.inner![0]!);
    return `${this.#skb}, (__u64)(unsigned long)${pointer}, ${field!.bit}, ${field!.width}`;
  }

  #load(node: AstNode): void {
    const member = withoutParens(node)!;
    const text = `((${member.type!.qualType})hover_load(${this.#place(member)}))`;
    this.#edit(this.#begin(member), this.#end(member), text);
  }

  #store(left: AstNode, right: AstNode, opcode: string): void {
    const member = withoutParens(left)!;
    const place = this.#place(member);
    const old = opcode === '=' ? '' : `hover_load(${place}) ${opcode.slice(0, -1)} `;
    this.#edit(this.#begin(left), this.#begin(right), `hover_store(${place}, (__u64)(${old}(`);
    this.#insertions.set(this.#end(right), `${this.#insertions.get(this.#end(right)) ?? ''})))`);
    this.#visit(right);
  }

  #increment(node: AstNode, field: AstNode): void {
    const member = withoutParens(field)!;
    const place = this.#place(member);
    const sign = node.opcode![0]!;
    const stored = `hover_store(${place}, hover_load(${place}) ${sign} 1)`;
    const value = node.isPostfix ? `${stored} ${sign === '+' ? '-' : '+'} 1` : stored;
    this.#edit(this.#begin(node), this.#end(node), `((${member.type!.qualType})(${value}))`);
  }

  /** The same text may be in several nodes: a macro uses its argument more than once. */
  #edit(from: number, to: number, text: string): void {
    this.#edits.set(from, { from, to, text });
  }

  #begin(node: AstNode): number {
    const { begin } = node.range!;
    return this.#spelled(begin)?.offset ?? this.#expanded(begin)?.offset ?? this.#foreign();
  }

  #end(node: AstNode): number {
    const { end } = node.range!;
    const spelled = this.#spelled(end);
    if (spelled !== undefined) return spelled.offset! + spelled.tokLen!;
    const expanded = this.#expanded(end);
    if (expanded === undefined) return this.#foreign();
    return this.#behindArguments(expanded.offset! + expanded.tokLen!);
  }

  /** Where a macro's invocation ends whose name ends at `at`. */
  #behindArguments(at: number): number {
    const open = /^\s*\(/.exec(this.#source.slice(at));
    if (open === null) return at;
    let depth = 0;
    for (let i = at; i < this.#source.length; i++) {
      if (this.#source[i] === '(') depth++;
      else if (this.#source[i] === ')' && --depth === 0) return i + 1;
    }
    return at;
  }

  #spelled(location: AstLocation): AstLocation | undefined {
    return ours(location.spellingLoc ?? location);
  }

  #expanded(location: AstLocation): AstLocation | undefined {
    return ours(location.expansionLoc);
  }

  #foreign(): never {
    throw new CompileError(
      `${MODULE}: error: a macro of a header uses a pointer of cursor_advance(); write it out`,
    );
  }

  #refuse(node: AstNode, pointer: AstNode): never {
    const name = withoutCasts(pointer)?.referencedDecl?.name ?? 'pointer';
    const { begin } = node.range!;
    const at = (this.#spelled(begin) ?? this.#expanded(begin))?.offset ?? 0;
    const line = this.#source.slice(0, at).split('\n').length;
    throw new CompileError(
      `${MODULE}:${line}: error: '${name}' is a cursor in the packet: its fields of up to 64 bits can be read and written ` +
        `(${name}->field), but it can be used in no other way; copy with bpf_skb_load_bytes() instead\n` +
        `${this.#source.split('\n')[line - 1]}`,
    );
  }
}

function isAssignment(opcode: string): boolean {
  return !['==', '!=', '<=', '>='].includes(opcode);
}

function ours(location: AstLocation | undefined): AstLocation | undefined {
  return location?.offset !== undefined && location.includedFrom?.file === MAIN ? location : undefined;
}

function withoutParens(node: AstNode | undefined): AstNode | undefined {
  let inner = node;
  while (inner?.kind === 'ParenExpr') inner = inner.inner?.[0];
  return inner;
}

function withoutCasts(node: AstNode | undefined): AstNode | undefined {
  let inner = node;
  while (['ParenExpr', 'ImplicitCastExpr', 'CStyleCastExpr'].includes(inner?.kind ?? ''))
    inner = inner?.inner?.[0];
  return inner;
}

/** The function that a call names. */
function calledFunction(callee: AstNode | undefined): string | undefined {
  const { kind, name } = withoutCasts(callee)?.referencedDecl ?? {};
  return kind === 'FunctionDecl' ? name : undefined;
}

/** Was the pointer made a number? */
function isNumber(argument: AstNode): boolean {
  return (
    argument.type !== undefined && !/[*\]]$/.test(argument.type.desugaredQualType ?? argument.type.qualType)
  );
}

/** As BCC has it: `skb`, whatever else there is; if there is none, the parameter that can be a packet. */
function packetParameter(declaration: AstNode): string {
  const parameters = declaration.inner?.filter(({ kind }) => kind === 'ParmVarDecl') ?? [];
  const found =
    parameters.find(({ name }) => name === 'skb') ??
    parameters.find(({ type }) => /^(void|struct __sk_buff) \*$/.test(type?.qualType ?? '')) ??
    parameters[0];
  return found?.name ?? '';
}

/** Functions that the module has a body of, by name, each with the ids of its parameters in all of its declarations. */
function ownFunctions(ast: AstNode): Map<string, (readonly string[])[]> {
  const declarations = (ast.inner ?? []).filter(({ kind }) => kind === 'FunctionDecl');
  const isDefinition = ({ inner }: AstNode) => inner?.some(({ kind }) => kind === 'CompoundStmt') === true;
  const own = new Map<string, (readonly string[])[]>();
  for (const node of declarations)
    if (isDefinition(node) && ours(node.range?.begin) !== undefined) own.set(node.name!, []);
  for (const { name, inner } of declarations)
    own
      .get(name!)
      ?.push((inner ?? []).filter(({ kind }) => kind === 'ParmVarDecl').map(({ id }) => id ?? ''));
  return own;
}

/**
 * Ids of the variables that cursor_advance() is assigned to, or another such variable; parameters that are given one; and names of
 * functions that return one.
 */
function cursorVariables(
  ast: AstNode,
  own: ReadonlyMap<string, readonly (readonly string[])[]>,
): Set<string> {
  const assigned: { to: string; value: AstNode | undefined; isHeader?: boolean }[] = [];
  /** What cursor_advance() advances: an offset, too, where a header is taken to be. */
  const advanced = new Set<string>();
  const collect = (node: AstNode, inFunction: string) => {
    const [first, second] = node.inner ?? [];
    if (node.kind === 'VarDecl' && node.name !== CURSOR && node.id !== undefined)
      assigned.push({
        to: node.id,
        value: withoutCasts(node.inner?.at(-1)),
        isHeader: isHeaderPointer(node),
      });
    if (node.kind === 'VarDecl' && node.name === CURSOR) {
      const of = withoutCasts(node.inner?.at(-1))?.referencedDecl?.id;
      if (of !== undefined) advanced.add(of);
    }
    if (node.kind === 'BinaryOperator' && node.opcode === '=') {
      const to = withoutCasts(first)?.referencedDecl?.id;
      if (to !== undefined)
        assigned.push({ to, value: withoutCasts(second), isHeader: isHeaderPointer(first) });
    }
    if (node.kind === 'ReturnStmt') assigned.push({ to: inFunction, value: withoutCasts(first) });
    if (node.kind === 'CallExpr') {
      const given = node.inner!.slice(1);
      for (const parameters of own.get(calledFunction(first) ?? '') ?? [])
        parameters.forEach((to, i) => {
          if (given[i] !== undefined && !isNumber(given[i]))
            assigned.push({ to, value: withoutCasts(given[i]) });
        });
    }
    for (const child of node.inner ?? [])
      collect(child, node.kind === 'FunctionDecl' ? (node.name ?? '') : inFunction);
  };
  collect(ast, '');
  const cursors = new Set<string>();
  const isKnown = (value: AstNode | undefined) => {
    if (value?.kind === 'CallExpr') return cursors.has(calledFunction(value.inner?.[0]) ?? '');
    return value?.kind === 'DeclRefExpr' && cursors.has(value.referencedDecl?.id ?? '');
  };
  for (const { to, value, isHeader } of assigned)
    if (isHeader && value?.kind === 'DeclRefExpr' && advanced.has(value.referencedDecl?.id ?? ''))
      cursors.add(to);
  for (let before = -1; before !== cursors.size; ) {
    before = cursors.size;
    for (const { to, value } of assigned) if (isKnown(value) || isCursorAdvance(value)) cursors.add(to);
  }
  return cursors;
}

function isHeaderPointer(node: AstNode | undefined): boolean {
  return /^struct \w+ \*$/.test(node?.type?.desugaredQualType ?? node?.type?.qualType ?? '');
}

function isCursorAdvance(node: AstNode | undefined): boolean {
  if (node?.kind !== 'StmtExpr') return false;
  return node.inner?.[0]?.inner?.[0]?.inner?.[0]?.name === CURSOR;
}
