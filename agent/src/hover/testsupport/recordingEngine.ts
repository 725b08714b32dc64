import { EventEmitter } from 'node:events';
import type {
  CompiledModule,
  Hop,
  HoverEngine,
  HoverTable,
  ModuleInstance,
  PacketIn,
  PacketOut,
} from '../engine/hoverEngine.js';
import { CompileError, EntryError, LoadError } from '../engine/hoverEngine.js';

/** Remembers what it was told, for tests of what is above the kernel. Source code `syntax error` does not compile, `verifier error` does not load. */
export class RecordingEngine extends EventEmitter<{ packetIn: [PacketIn] }> implements HoverEngine {
  readonly ports = new Map<string, readonly Hop[]>();
  readonly ingress = new Map<number, readonly Hop[]>();
  readonly egress = new Map<number, readonly Hop[]>();
  readonly loaded = new Map<number, string>();
  readonly sent: PacketOut[] = [];
  /** Of those that were set: whether they are. */
  readonly promiscuous = new Map<number, boolean>();
  readonly problem = undefined;
  /** The next call that leads to this ifindex fails. */
  failAt: number | undefined;
  /** What compile() waits for. */
  gate: Promise<void> = Promise.resolve();
  closed = false;

  async compile(source: string): Promise<CompiledModule> {
    await this.gate;
    if (source.includes('syntax error')) throw new CompileError('module.c:2:6: error: expected expression');
    return { digest: source };
  }

  open(path: string): CompiledModule {
    return { digest: path };
  }

  load(number: number, { digest }: CompiledModule): ModuleInstance {
    if (digest.includes('verifier error'))
      throw new LoadError('Error loading bpf program:\n0: R0 invalid mem access');
    this.loaded.set(number, digest);
    const tables = new Map([['t', new RecordingTable()]]);
    return { number, tables, close: () => this.loaded.delete(number) };
  }

  async loadAsync(number: number, compiled: CompiledModule): Promise<ModuleInstance> {
    await this.gate;
    return this.load(number, compiled);
  }

  setPort(module: number, port: number, hops: readonly Hop[]): void {
    put(this.ports, `${module}:${port}`, hops);
  }

  setInterface(ifindex: number, hops: readonly Hop[]): void {
    this.#fail(ifindex);
    put(this.ingress, ifindex, hops);
  }

  setEgress(ifindex: number, hops: readonly Hop[]): void {
    this.#fail(ifindex);
    put(this.egress, ifindex, hops);
  }

  setPromiscuous(ifindex: number, on: boolean): void {
    this.promiscuous.set(ifindex, on);
  }

  packetOut(packet: PacketOut): void {
    this.sent.push(packet);
  }

  drops(): Map<string, bigint> {
    return new Map();
  }

  close(): void {
    this.closed = true;
  }

  #fail(ifindex: number): void {
    if (this.failAt !== ifindex) return;
    this.failAt = undefined;
    throw new Error('No such device');
  }
}

function put<K>(map: Map<K, readonly Hop[]>, key: K, hops: readonly Hop[]): void {
  if (hops.length === 0) map.delete(key);
  else map.set(key, hops);
}

/** Ten entries by number. */
class RecordingTable implements HoverTable {
  readonly name = 't';
  readonly fd = 4;
  readonly keyDesc = '"int"';
  readonly leafDesc = '"int"';
  readonly keySize = 4;
  readonly leafSize = 4;
  readonly #entries = new Map<string, string>();

  entries() {
    return [...this.#entries].map(([key, value]) => ({ key, value }));
  }

  get(key: string) {
    return this.#entries.get(read('key', key));
  }

  set(key: string, value: string) {
    this.#entries.set(read('key', key), read('leaf', value));
  }

  delete(key: string) {
    return this.#entries.delete(read('key', key));
  }
}

function read(what: string, text: string): string {
  const match = /^\{?\s*(0x[0-9a-f]+|\d+)/.exec(text);
  if (match === null) throw new EntryError(`error scanning ${what} (${text}) from string`);
  return `0x${Number(match[1]).toString(16)}`;
}
