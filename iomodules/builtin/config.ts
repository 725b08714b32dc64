import { isIPv4 } from 'node:net';
import type { Json, JsonObject } from './module.js';

/** A configuration that is wrong; the text says where and why. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Reads a configuration field by field; every error names the field. Call {@link end} last. */
export class ConfigReader {
  readonly #fields: JsonObject;
  readonly #path: string;
  readonly #read = new Set<string>();
  readonly #children: ConfigReader[] = [];

  /** @param path of this object, for people; empty: the whole configuration */
  constructor(fields: Json, path = '') {
    if (fields === null || typeof fields !== 'object' || Array.isArray(fields))
      throw new ConfigError(`${path || 'config'}: an object is wanted, not ${JSON.stringify(fields)}`);
    this.#fields = fields;
    this.#path = path;
  }

  /** @throws ConfigError for a field that nobody asked for: a typing error as a rule */
  end(): void {
    for (const child of this.#children) child.end();
    for (const name of Object.keys(this.#fields))
      if (!this.#read.has(name)) throw new ConfigError(`${this.where(name)}: there is no such field`);
  }

  /** Fields that older configurations have and nobody needs. */
  ignore(...names: string[]): void {
    for (const name of names) this.#read.add(name);
  }

  /** How an error names a field. */
  where(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }

  /** Undefined: absent or null. */
  get(name: string): Json | undefined {
    this.#read.add(name);
    return Object.hasOwn(this.#fields, name) ? (this.#fields[name] ?? undefined) : undefined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Objects of a list; absent: none. */
  list(name: string): ConfigReader[] {
    const value = this.get(name) ?? [];
    if (!Array.isArray(value)) this.fail(name, 'a list is wanted');
    const children = (value as Json[]).map(
      (item, index) => new ConfigReader(item, `${this.where(name)}[${index}]`),
    );
    this.#children.push(...children);
    return children;
  }

  /** An object; absent: undefined. */
  object(name: string): ConfigReader | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    const child = new ConfigReader(value, this.where(name));
    this.#children.push(child);
    return child;
  }

  /** @throws ConfigError when it is absent or empty */
  text(name: string): string {
    const value = this.get(name);
    if (typeof value === 'string' && value !== '') return value;
    return this.fail(name, 'a text is wanted');
  }

  /** An integer, also as text in C's syntax. Absent: `fallback`, or an error if there is none. */
  integer(name: string, range: { min: number; max: number; fallback?: number }): number {
    const value = this.get(name) ?? range.fallback;
    const number =
      typeof value === 'string' && /^(\d+|0x[\da-f]+)$/i.test(value.trim()) ? Number(value) : value;
    if (typeof number === 'number' && Number.isInteger(number) && number >= range.min && number <= range.max)
      return number;
    return this.fail(name, `an integer from ${range.min} to ${range.max} is wanted`);
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.get(name) ?? fallback;
    return typeof value === 'boolean' ? value : this.fail(name, 'true or false is wanted');
  }

  /** One of some words. */
  choice<T extends string>(name: string, words: readonly T[], fallback?: T): T {
    const value = this.get(name) ?? fallback;
    const word = words.find((candidate) => candidate === value);
    return word ?? this.fail(name, `one of ${words.join(', ')} is wanted`);
  }

  /** Six bytes. */
  mac(name: string): Buffer {
    const text = this.text(name);
    if (!/^([\da-f]{2}[:-]){5}[\da-f]{2}$/i.test(text))
      this.fail(name, 'a MAC address is wanted, as 02:00:00:00:00:01');
    return Buffer.from(text.replaceAll(/[:-]/g, ''), 'hex');
  }

  /** As a number: 10.0.0.1 is 0x0a000001. */
  ip4(name: string): number {
    const text = this.text(name);
    return isIPv4(text) ? ip4Number(text) : this.fail(name, 'an IPv4 address is wanted, as 10.0.0.1');
  }

  /** The length of a prefix, written as a netmask (255.255.255.0) or as a number. */
  prefix(name: string): number {
    const value = this.get(name);
    const digits = typeof value === 'number' ? String(value) : value;
    if (typeof digits === 'string' && /^\d{1,2}$/.test(digits) && Number(digits) <= 32) return Number(digits);
    if (typeof digits === 'string' && isIPv4(digits)) {
      const hosts = ~ip4Number(digits) >>> 0;
      const length = 32 - Math.log2(hosts + 1);
      if (Number.isInteger(length)) return length;
    }
    return this.fail(name, 'a netmask is wanted, as 255.255.255.0');
  }

  /** @throws ConfigError that names the field and shows what it is */
  fail(name: string, why: string): never {
    const value = this.#fields[name];
    const got = value === undefined ? 'it is missing' : `not ${JSON.stringify(value)?.slice(0, 100)}`;
    throw new ConfigError(`${this.where(name)}: ${why}; ${got}`);
  }
}

function ip4Number(text: string): number {
  return text.split('.').reduce((number, byte) => number * 256 + Number(byte), 0);
}

/** 0x0a000001 → 10.0.0.1 */
export function ip4Text(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

/** Six bytes → 02:00:00:00:00:01 */
export function macText(address: Buffer): string {
  return address.toString('hex').replaceAll(/..(?=.)/g, '$&:');
}

/** All that a prefix leaves of an address. */
export function netmask(length: number): number {
  return length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
}
