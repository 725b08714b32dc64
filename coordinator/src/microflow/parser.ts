import type { Constant } from './constant.js';
import { ExpressionError } from './expression-error.js';
import { type Token, tokens } from './lexer.js';
import { always, type Node } from './node.js';
import { isNotOfAFrame, type NamedBits, predicates, symbols } from './symbols.js';

/** Longer ones are no description of one packet. */
const maxLength = 4096;
const maxDepth = 40;

/** Parses an expression. @throws ExpressionError */
export function parse(text: string): Node {
  if (text.length > maxLength)
    throw new ExpressionError(`the expression is longer than ${maxLength} characters`, maxLength);
  return new Parser(text).parse();
}

/** Bits of a field, as they are named in the text. */
interface Operand {
  text: string;
  symbol: NamedBits;
  at: number;
}

/** Recursive descent over the grammar of ovn-sb(5). */
class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  /** Where every error of a predicate's own text is: at its name. */
  readonly #fixedAt: number | undefined;
  #position = 0;
  #depth: number;

  constructor(text: string, fixedAt?: number, depth = 0) {
    this.#text = text;
    this.#tokens = tokens(text);
    this.#fixedAt = fixedAt;
    this.#depth = depth;
  }

  parse(): Node {
    const node = this.#disjunction();
    if (this.#token.kind !== 'end') this.#fail(`"&&" or the end is expected here, not ${this.#shown()}`);
    return node;
  }

  get #token(): Token {
    return this.#tokens[this.#position]!;
  }

  get #at(): number {
    return this.#fixedAt ?? this.#token.at;
  }

  #fail(message: string, at = this.#at): never {
    throw new ExpressionError(message, at);
  }

  #shown(): string {
    const { kind, at, end } = this.#token;
    return kind === 'end' ? 'the end' : `"${this.#text.slice(at, end)}"`;
  }

  #is(text: string): boolean {
    return this.#token.kind === 'punctuation' && this.#token.text === text;
  }

  #take(text: string): boolean {
    const found = this.#is(text);
    if (found) this.#position++;
    return found;
  }

  #expect(text: string): void {
    if (!this.#take(text)) this.#fail(`"${text}" is expected here, not ${this.#shown()}`);
  }

  #nested<T>(work: () => T): T {
    if (++this.#depth > maxDepth) this.#fail('the expression is nested too deeply');
    const result = work();
    this.#depth--;
    return result;
  }

  #disjunction(): Node {
    const at = this.#at;
    const { of, choices } = this.#list('||', () => this.#conjunction());
    return of.length === 1 ? of[0]! : { kind: 'any', of, choices, at };
  }

  #conjunction(): Node {
    const { of } = this.#list('&&', () => this.#term());
    return of.length === 1 ? of[0]! : { kind: 'all', of };
  }

  #list(separator: string, one: () => Node): { of: Node[]; choices: string[] } {
    const of: Node[] = [];
    const choices: string[] = [];
    do {
      const start = this.#token.at;
      of.push(one());
      choices.push(this.#text.slice(start, this.#tokens[this.#position - 1]!.end));
    } while (this.#take(separator));
    return { of, choices };
  }

  #term(): Node {
    const at = this.#at;
    if (this.#take('!')) return this.#nested(() => this.#negate(this.#term(), at));
    if (this.#take('(')) {
      const node = this.#nested(() => this.#disjunction());
      this.#expect(')');
      return node;
    }
    const { kind } = this.#token;
    if (kind === 'constant' || kind === 'string' || this.#is('{')) return this.#reversed();
    if (kind !== 'id') this.#fail(`a field, a predicate or "(" is expected here, not ${this.#shown()}`);
    return this.#named();
  }

  /** `80 == tcp.dst`, or `1` alone. */
  #reversed(): Node {
    const at = this.#at;
    const values = this.#values();
    if (!this.#is('==') && !this.#is('!=')) {
      this.#refuseOrder();
      const only = values.length === 1 && 'constant' in values[0]! ? values[0]!.constant.value : undefined;
      if (only === 1n && this.#tokens[this.#position - 1]!.kind === 'constant') return always;
      if (only === 0n && this.#tokens[this.#position - 1]!.kind === 'constant') return { kind: 'never', at };
      this.#fail(`"==" is expected here, not ${this.#shown()}`);
    }
    const different = this.#take('!=');
    if (!different) this.#expect('==');
    if (this.#token.kind !== 'id') this.#fail(`a field is expected here, not ${this.#shown()}`);
    if (this.#token.text === 'inport') {
      this.#position++;
      return this.#portNode(values, different, at);
    }
    return this.#compare(this.#operand(), values, different, at);
  }

  #named(): Node {
    const at = this.#at;
    const { text } = this.#token as Extract<Token, { kind: 'id' }>;
    if (text === 'inport') {
      this.#position++;
      const different = this.#operator();
      if (different === undefined) this.#fail(`inport == "PORT" is expected here, not ${this.#shown()}`);
      return this.#portNode(this.#values(), different, at);
    }
    const expansion = predicates.get(text);
    if (expansion !== undefined) {
      this.#position++;
      const node = this.#nested(() => new Parser(expansion, at, this.#depth).parse());
      const different = this.#operator();
      return different === undefined ? node : this.#truth(node, text, different, at);
    }
    const operand = this.#operand();
    const different = this.#operator();
    if (different !== undefined) return this.#compare(operand, this.#values(), different, at);
    if (operand.symbol.width > 1)
      this.#fail(`${operand.text} needs a value: ${operand.text} == …`, this.#fixedAt ?? operand.at);
    return this.#bits(operand, 1n, 1n, at);
  }

  /** `ip4 == 1` */
  #truth(node: Node, text: string, different: boolean, at: number): Node {
    const [value] = this.#values();
    const wanted = value && 'constant' in value && value.mask === undefined ? value.constant.value : 2n;
    if (wanted > 1n) this.#fail(`${text} is a predicate: 0 or 1 is its value`, value?.at ?? at);
    return (wanted === 1n) === different ? this.#negate(node, at) : node;
  }

  /** False after ==, true after !=, undefined when there is none. */
  #operator(): boolean | undefined {
    if (this.#take('==')) return false;
    if (this.#take('!=')) return true;
    this.#refuseOrder();
    return undefined;
  }

  #refuseOrder(): void {
    if (['<', '<=', '>', '>='].some((operator) => this.#is(operator)))
      this.#fail(`${this.#shown()} leaves the value open: only "==" says what the packet has`);
    if (this.#is('=')) this.#fail('"=" assigns; a comparison is written "=="');
  }

  #operand(): Operand {
    const { text, at } = this.#token as Extract<Token, { kind: 'id' }>;
    const symbol = symbols.get(text);
    if (!symbol)
      this.#fail(isNotOfAFrame(text) ? `${text} is nothing that a frame has` : `there is no field "${text}"`);
    this.#position++;
    return this.#take('[') ? this.#subfield(text, symbol, at) : { text, symbol, at };
  }

  #subfield(text: string, symbol: NamedBits, at: number): Operand {
    const low = this.#bit(text, symbol);
    const high = this.#take('..') ? this.#bit(text, symbol) : low;
    if (high < low) this.#fail(`[${low}..${high}]: the lower bit comes first`);
    this.#expect(']');
    const part = { ...symbol, low: symbol.low + low, width: high - low + 1 };
    return { text: `${text}[${low}..${high}]`, symbol: part, at };
  }

  #bit(text: string, { width }: NamedBits): number {
    if (this.#token.kind !== 'constant') this.#fail(`a bit number is expected here, not ${this.#shown()}`);
    const { value } = this.#token.constant;
    if (value >= BigInt(width)) this.#fail(`${text} has bits 0 to ${width - 1}, not ${value}`);
    this.#position++;
    return Number(value);
  }

  #values(): Value[] {
    if (!this.#take('{')) return [this.#value()];
    const values: Value[] = [];
    while (!this.#is('}')) {
      values.push(this.#value());
      if (!this.#take(',') && !this.#is('}')) this.#fail(`"," or "}" is expected here, not ${this.#shown()}`);
    }
    if (values.length === 0) this.#fail('the set is empty');
    this.#expect('}');
    return values;
  }

  #value(): Value {
    const token = this.#token;
    const at = this.#at;
    if (token.kind === 'string') {
      this.#position++;
      return { string: token.text, text: this.#text.slice(token.at, token.end), at };
    }
    if (this.#is('$') || this.#is('@'))
      this.#fail('address sets and port groups are no description of one packet: say one value');
    if (token.kind !== 'constant') this.#fail(`a value is expected here, not ${this.#shown()}`);
    this.#position++;
    const mask = this.#take('/') ? this.#mask() : undefined;
    const text = this.#text.slice(token.at, this.#tokens[this.#position - 1]!.end);
    return { constant: token.constant, mask, text, at };
  }

  #mask(): Constant {
    if (this.#token.kind !== 'constant') this.#fail(`a mask is expected here, not ${this.#shown()}`);
    const { constant } = this.#token;
    this.#position++;
    return constant;
  }

  #compare(operand: Operand, values: readonly Value[], different: boolean, at: number): Node {
    const of = values.map((value) => this.#equal(operand, value));
    const choices = values.map(({ text }) => `${operand.text} == ${text}`);
    const node: Node = of.length === 1 ? of[0]! : { kind: 'any', of, choices, at };
    return different ? this.#negate(node, at) : node;
  }

  #equal(operand: Operand, value: Value): Node {
    if ('string' in value) this.#fail(`${operand.text} is compared with a number, not a text`, value.at);
    const { constant, mask } = value;
    const { width } = operand.symbol;
    const ones = (1n << BigInt(width)) - 1n;
    if (constant.width !== undefined && constant.width !== width)
      this.#fail(`${operand.text} has ${width} bits, and "${value.text}" is of ${constant.width}`, value.at);
    if (constant.value > ones)
      this.#fail(`${operand.text} has ${width} bits: ${value.text} does not fit`, value.at);
    const bits = mask === undefined ? ones : this.#maskBits(constant, mask, width, value);
    if (bits > ones)
      this.#fail(`${operand.text} has ${width} bits: the mask of ${value.text} does not fit`, value.at);
    return this.#bits(operand, constant.value & bits, bits, this.#fixedAt ?? operand.at);
  }

  /** "/24" counts bits of an address; a mask is written like the address. */
  #maskBits({ width: notation }: Constant, mask: Constant, width: number, value: Value): bigint {
    if (notation === undefined || notation === 48 || mask.width !== undefined) return mask.value;
    if (mask.value > BigInt(width))
      this.#fail(`"${value.text}": a prefix has at most ${width} bits`, value.at);
    const host = BigInt(width) - mask.value;
    return ((1n << mask.value) - 1n) << host;
  }

  #bits({ symbol, at: operandAt }: Operand, value: bigint, mask: bigint, at: number): Node {
    const low = BigInt(symbol.low);
    const node: Node = { kind: 'bits', field: symbol.field, value: value << low, mask: mask << low, at };
    if (symbol.prerequisite === undefined) return node;
    const { prerequisite } = symbol;
    const where = this.#fixedAt ?? operandAt;
    const text = predicates.get(prerequisite)!;
    const guard = this.#nested(() => new Parser(text, where, this.#depth).parse());
    return { kind: 'guarded', guard, node };
  }

  #portNode(values: readonly Value[], different: boolean, at: number): Node {
    const [value] = values;
    if (different || values.length !== 1 || !value || !('string' in value))
      this.#fail('inport is one port: inport == "PORT"', at);
    return { kind: 'inport', name: value.string, at };
  }

  #negate(node: Node, at: number): Node {
    switch (node.kind) {
      case 'bits':
        if ((node.mask & (node.mask - 1n)) === 0n && node.mask !== 0n)
          return { ...node, value: node.value ^ node.mask };
        return this.#fail('what the packet does not have leaves open what it has: only "==" says it', at);
      case 'guarded':
        return { ...node, node: this.#negate(node.node, at) };
      case 'all':
        if (node.of.length === 0) return { kind: 'never', at };
        return { kind: 'any', of: node.of.map((one) => this.#negate(one, at)), choices: [], at };
      case 'any':
        return { kind: 'all', of: node.of.map((one) => this.#negate(one, at)) };
      case 'never':
        return always;
      case 'inport':
        return this.#fail('inport is one port: inport == "PORT"', at);
    }
  }
}

/** What a field is compared with. */
type Value = { text: string; at: number } & (
  | { string: string }
  | { constant: Constant; mask: Constant | undefined }
);
