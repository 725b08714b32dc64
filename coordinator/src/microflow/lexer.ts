import { type Constant, readConstant } from './constant.js';
import { ExpressionError } from './expression-error.js';

export type Token = { at: number; end: number } & (
  | { kind: 'id'; text: string }
  | { kind: 'string'; text: string }
  | { kind: 'constant'; constant: Constant }
  | { kind: 'punctuation'; text: string }
  | { kind: 'end' }
);

const space = /^\s+/;
const identifier = /^[A-Za-z_][A-Za-z0-9_.]*/;
const quoted = /^"((?:[^"\\\n]|\\.)*)"/;
const punctuation = /^(?:&&|\|\||==|!=|<=|>=|\.\.|[!<>(){}[\],/=$@])/;

/** Cuts an expression into tokens; the last one is `end`. @throws ExpressionError */
export function tokens(text: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at);
    const blank = space.exec(rest)?.[0].length ?? 0;
    if (blank > 0) {
      at += blank;
      continue;
    }
    const token = next(rest, at);
    found.push(token);
    at = token.end;
  }
  return [...found, { kind: 'end', at: text.length, end: text.length }];
}

function next(rest: string, at: number): Token {
  // Before identifiers: an IPv6 address may begin with a letter.
  const constant = readConstant(rest);
  if (constant) return { kind: 'constant', constant, at, end: at + constant.length };
  const id = identifier.exec(rest)?.[0];
  if (id !== undefined) {
    // `ip4.dst[0..3]`: the dots belong to the range, never to a name.
    return { kind: 'id', text: id, at, end: at + id.length };
  }
  const string = quoted.exec(rest);
  if (string) return { kind: 'string', text: unquote(string[1]!, at), at, end: at + string[0].length };
  if (rest.startsWith('"')) throw new ExpressionError('the quotation mark is not closed', at);
  const mark = punctuation.exec(rest)?.[0];
  if (mark === undefined) throw new ExpressionError(`"${[...rest][0]}" is not understood here`, at);
  return { kind: 'punctuation', text: mark, at, end: at + mark.length };
}

/** Strings are JSON's. */
function unquote(text: string, at: number): string {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    throw new ExpressionError('the string is not understood: it is written as in JSON', at);
  }
}
