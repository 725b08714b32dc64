import { EntryError } from '../engine/hoverEngine.js';
import type { EntryField, EntryType } from './entryType.js';

/** A key or value as Hover's API writes it: `0x5`, `{ 0x1 [ 0x0 0x0 ] }`. */
export function formatEntry(type: EntryType, bytes: Buffer, at = 0): string {
  switch (type.kind) {
    case 'scalar':
      return `0x${readBits(bytes, at, 0, type.size * 8).toString(16)}`;
    case 'array': {
      const elements = Array.from({ length: type.count }, (_, i) =>
        formatEntry(type.element, bytes, at + i * type.element.size),
      );
      return `[ ${elements.map((element) => `${element} `).join('')}]`;
    }
    default:
      return `{ ${shown(type)
        .map((field) => `${formatField(field, bytes, at)} `)
        .join('')}}`;
  }
}

function formatField({ offset, bits, type }: EntryField, bytes: Buffer, at: number): string {
  if (bits === undefined) return formatEntry(type, bytes, at + offset);
  return `0x${readBits(bytes, at + offset, bits.shift, bits.width).toString(16)}`;
}

/** Unnamed bit-fields are padding; of a union the largest member stands for all. */
function shown(type: Extract<EntryType, { kind: 'struct' | 'union' }>): EntryField[] {
  const fields = type.fields.filter(({ name, bits }) => name !== '' || bits === undefined);
  if (type.kind === 'struct') return fields;
  const largest = Math.max(0, ...fields.map((field) => field.type.size));
  return fields.filter((field) => field.type.size === largest).slice(0, 1);
}

/**
 * Reads what a client wrote, as sscanf(3) with %i would: integers are decimal, hexadecimal (0x) or octal (0), with a sign or
 * without; white space does not matter; what follows is not looked at, and closing brackets at the end may be missing. Besides,
 * a scalar may be in braces, as IOVisor-OVN wrote it.
 * @param what `key` or `leaf`, for the message
 * @throws EntryError
 */
export function parseEntry(type: EntryType, text: string, what: 'key' | 'leaf'): Buffer {
  const bytes = Buffer.alloc(type.size);
  if (text.length > MAX_TEXT)
    throw new EntryError(`error scanning ${what} (of ${text.length} characters) from string`);
  const scanner = new Scanner(text);
  if (!scan(type, scanner, bytes, 0)) throw new EntryError(`error scanning ${what} (${text}) from string`);
  return bytes;
}

const MAX_TEXT = 1 << 20;

function scan(type: EntryType, scanner: Scanner, bytes: Buffer, at: number): boolean {
  switch (type.kind) {
    case 'scalar': {
      const braced = scanner.take('{');
      if (!scanInteger(scanner, bytes, at, 0, type.size * 8)) return false;
      if (braced && !scanner.take('}')) scanner.stop();
      return true;
    }
    case 'array':
      return scanAll(
        scanner,
        '[',
        ']',
        Array.from({ length: type.count }, (_, i) => i),
        (i) => scan(type.element, scanner, bytes, at + i * type.element.size),
      );
    default:
      return scanAll(scanner, '{', '}', shown(type), ({ offset, bits, type: inner }) =>
        bits === undefined
          ? scan(inner, scanner, bytes, at + offset)
          : scanInteger(scanner, bytes, at + offset, bits.shift, bits.width),
      );
  }
}

function scanAll<T>(
  scanner: Scanner,
  open: string,
  close: string,
  items: readonly T[],
  one: (item: T) => boolean,
): boolean {
  if (!scanner.take(open)) return false;
  for (const item of items) if (!one(item)) return false;
  if (!scanner.take(close)) scanner.stop();
  return true;
}

function scanInteger(scanner: Scanner, bytes: Buffer, at: number, shift: number, width: number): boolean {
  const value = scanner.integer();
  // Both what the type can hold and, where people count from below zero, what has the same bits.
  if (value === undefined || value >= 1n << BigInt(width) || value < -(1n << BigInt(width - 1))) return false;
  writeBits(bytes, at, shift, width, BigInt.asUintN(width, value));
  return true;
}

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Something else came than was expected: nothing can be read any more. */
  stop(): void {
    this.#at = this.#text.length;
  }

  #skipSpace(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  /** @returns whether the character comes next, and is passed now */
  take(character: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  integer(): bigint | undefined {
    this.#skipSpace();
    const pattern = /([+-]?)(?:0[xX]([0-9a-fA-F]+)|0([0-7]*)|([1-9]\d*))/y;
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null || match[0].length > 64) return undefined;
    this.#at = pattern.lastIndex;
    const [, sign, hex, octal, decimal] = match;
    const value =
      hex !== undefined
        ? BigInt(`0x${hex}`)
        : octal !== undefined
          ? BigInt(`0o${octal || '0'}`)
          : BigInt(decimal!);
    return sign === '-' ? -value : value;
  }
}

/** Little-endian, as BPF's machines are. */
function readBits(bytes: Buffer, at: number, shift: number, width: number): bigint {
  let word = 0n;
  for (let i = Math.ceil((shift + width) / 8) - 1; i >= 0; i--) word = (word << 8n) | BigInt(bytes[at + i]!);
  return BigInt.asUintN(width, word >> BigInt(shift));
}

function writeBits(bytes: Buffer, at: number, shift: number, width: number, value: bigint): void {
  const mask = ((1n << BigInt(width)) - 1n) << BigInt(shift);
  let rest = value << BigInt(shift);
  let left = mask;
  for (let i = at; left > 0n; i++) {
    bytes[i] = Number((BigInt(bytes[i]!) & ~left & 0xffn) | (rest & 0xffn));
    rest >>= 8n;
    left >>= 8n;
  }
}
