import { ExpressionError } from './expression-error.js';
import type { Node } from './node.js';
import { parse } from './parser.js';
import type { Field } from './symbols.js';

/** What is known of a field: `value` is 0 outside `mask`. */
export interface Bits {
  value: bigint;
  mask: bigint;
}

/** What an expression says of a packet. */
export interface Microflow {
  fields: ReadonlyMap<Field, Bits>;
  inport?: string;
}

/**
 * Reads a microflow as ovn-trace(8) takes it: an expression of OVN's language that leaves no doubt about the packet. Fields
 * that are not mentioned stay open; a field of a protocol implies the protocol.
 * @throws ExpressionError syntax, contradictions ("ip4 && ip6"), ambiguities ("tcp.dst == 80": IPv4 or IPv6?)
 */
export function parseMicroflow(text: string): Microflow {
  const state = new State();
  const open: Any[] = [];
  settle(state, parse(text), open);
  resolve(state, open);
  return { fields: state.fields, inport: state.inport };
}

type Any = Extract<Node, { kind: 'any' }>;

class State {
  readonly fields: Map<Field, Bits>;
  inport?: string;

  constructor(other?: State) {
    this.fields = new Map(other?.fields);
    this.inport = other?.inport;
  }

  /** Adds what a node of one comparison says; false when it contradicts. */
  add(node: Extract<Node, { kind: 'bits' | 'inport' }>): boolean {
    if (node.kind === 'inport') {
      const same = this.inport === undefined || this.inport === node.name;
      if (same) this.inport = node.name;
      return same;
    }
    const { value, mask } = this.fields.get(node.field) ?? { value: 0n, mask: 0n };
    if ((value & node.mask) !== (node.value & mask)) return false;
    this.fields.set(node.field, { value: value | node.value, mask: mask | node.mask });
    return true;
  }

  implies(node: Extract<Node, { kind: 'bits' | 'inport' }>): boolean {
    if (node.kind === 'inport') return this.inport === node.name;
    const { value, mask } = this.fields.get(node.field) ?? { value: 0n, mask: 0n };
    return (mask & node.mask) === node.mask && (value & node.mask) === node.value;
  }
}

/** Takes over all that has no alternatives; those go to `open`. */
function settle(state: State, node: Node, open: Any[]): void {
  if (node.kind === 'any') open.push(node);
  else if (node.kind === 'all') for (const one of node.of) settle(state, one, open);
  else if (node.kind === 'guarded') for (const one of [node.guard, node.node]) settle(state, one, open);
  else if (node.kind === 'never') throw new ExpressionError('this is never true', node.at);
  else if (!state.add(node)) throw new ExpressionError(contradiction(node), node.at);
}

function contradiction(node: Extract<Node, { kind: 'bits' | 'inport' }>): string {
  return `this contradicts what else is said of ${node.kind === 'bits' ? node.field : 'inport'}`;
}

/** What is known decides between alternatives, which may decide between others. */
function resolve(state: State, open: Any[]): void {
  for (let progress = true; progress; ) {
    progress = false;
    for (const any of open.splice(0)) {
      if (any.of.some((one) => isImplied(state, one))) continue;
      const possible = any.of.filter((one) => isPossible(state, one));
      if (possible.length === 0)
        throw new ExpressionError('this contradicts what else is said of the packet', any.at);
      if (possible.length > 1) open.push(any);
      else {
        settle(state, possible[0]!, open);
        progress = true;
      }
    }
  }
  const [any] = open;
  if (!any) return;
  const choices = any.of.flatMap((one, index) => (isPossible(state, one) ? (any.choices[index] ?? []) : []));
  const which = choices.length > 0 ? `: ${choices.join(' or ')}?` : '';
  throw new ExpressionError(`this is ambiguous${which}`, any.at);
}

function isPossible(state: State, node: Node): boolean {
  switch (node.kind) {
    case 'any':
      return node.of.some((one) => isPossible(state, one));
    case 'all':
    case 'guarded': {
      const copy = new State(state);
      const rest: Any[] = [];
      return addAll(copy, node, rest) && rest.every((one) => isPossible(copy, one));
    }
    case 'never':
      return false;
    default:
      return new State(state).add(node);
  }
}

/** Like settle(), but tells of a contradiction. */
function addAll(state: State, node: Node, open: Any[]): boolean {
  if (node.kind === 'any') open.push(node);
  else if (node.kind === 'all') return node.of.every((one) => addAll(state, one, open));
  else if (node.kind === 'guarded') return addAll(state, node.guard, open) && addAll(state, node.node, open);
  else if (node.kind === 'never') return false;
  else return state.add(node);
  return true;
}

function isImplied(state: State, node: Node): boolean {
  switch (node.kind) {
    case 'any':
      return node.of.some((one) => isImplied(state, one));
    case 'all':
      return node.of.every((one) => isImplied(state, one));
    case 'guarded':
      return isImplied(state, node.guard) && isImplied(state, node.node);
    case 'never':
      return false;
    default:
      return state.implies(node);
  }
}
