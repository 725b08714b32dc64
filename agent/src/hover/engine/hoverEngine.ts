import type { EventEmitter } from 'node:events';

/** Module numbers are 0..1022, as Hover's were; 1023 was its controller. */
export const MAX_MODULES = 1024;
/** Ports of one module: 1..127 (Hover handed out 128, but its tables had room for 0..127 only). */
export const MAX_PORTS = 127;
/** Hops of one edge: at most three policies and the module or interface that it leads to. */
export const MAX_HOPS = 4;

/** Where a packet goes next. */
export type Hop =
  /** Into a module, as if it came in by `port` (what its handle_rx sees as md->in_ifc). */
  | { kind: 'module'; module: number; port: number }
  /** Out of a network interface. Only as the last one. */
  | { kind: 'interface'; ifindex: number }
  /** The kernel goes on with the packet as if there were no program at the interface. Only as the last one. */
  | { kind: 'stack' };

/** Source code that was compiled, not loaded yet. Shared by all modules with the same code. */
export interface CompiledModule {
  /** SHA-256 of source and compiler options, hex: the key of the cache. */
  readonly digest: string;
}

/** Key and value in C's integer syntax: `0x5`, `{ 0x1 [ 0x0 0x0 ] }`. */
export interface TableEntry {
  key: string;
  value: string;
}

/** A map of a module as Hover's API shows it (predecessor's TableDesc). */
export interface HoverTable {
  readonly name: string;
  readonly fd: number;
  /** BCC's JSON type descriptions, from the object's BTF: `"unsigned int"` or ["name", [["field","type"], …], "struct"]. */
  readonly keyDesc: string;
  readonly leafDesc: string;
  readonly keySize: number;
  readonly leafSize: number;
  /** Read as it is iterated over, which must end when the module goes. */
  entries(): Iterable<TableEntry>;
  /** @throws EntryError when the key cannot be read; undefined when there is none. */
  get(key: string): string | undefined;
  /** Inserts or replaces. @throws EntryError: `error scanning key (…) from string`, or what the kernel said. */
  set(key: string, value: string): void;
  /** @throws EntryError. @returns whether there was one. */
  delete(key: string): boolean;
}

/** A loaded module: one program, its maps. */
export interface ModuleInstance {
  readonly number: number;
  readonly tables: ReadonlyMap<string, HoverTable>;
  /** Takes it out of the chain first, then frees program, maps and pins. */
  close(): void;
}

/** A packet that a module gave to the controller (RX_CONTROLLER), Hover's PacketIn. */
export interface PacketIn {
  module: number;
  port: number;
  /** Of the packet; `data` may be cut. */
  length: number;
  reason: number;
  /** Three 32-bit words that the module chose. */
  metadata: [number, number, number];
  data: Buffer;
}

export interface PacketOut {
  module: number;
  port: number;
  /** ingress: into the module as if received on the port; egress: out of the port. */
  sense: 'ingress' | 'egress';
  data: Buffer;
}

/**
 * What the graph of modules, links and interfaces needs of the kernel. Knows nothing of REST, names and ids. Every change is
 * atomic to a packet. Fails closed: an empty list of hops, or a module that is gone, drops with a reason.
 */
export interface HoverEngine extends EventEmitter<{ packetIn: [PacketIn] }> {
  /** In a child process, limited in time and memory, cached by content. @throws CompileError with the compiler's whole text. */
  compile(source: string): Promise<CompiledModule>;
  /** An object that was compiled when this was built (iomodules/NAME against iov/module.h). @throws CompileError when it cannot be read */
  open(objectPath: string): CompiledModule;
  /** @throws LoadError with the verifier's whole log. */
  load(number: number, compiled: CompiledModule): ModuleInstance;
  /** As load(); the verifier, which may take a second with a large module, works on another thread. */
  loadAsync(number: number, compiled: CompiledModule): Promise<ModuleInstance>;
  /** Where `pkt_redirect(skb, md, port)` of a module leads. Empty: nowhere. */
  setPort(module: number, port: number, hops: readonly Hop[]): void;
  /** Where what an interface receives goes. Attaches to it; empty: detaches. @throws when the interface is gone. */
  setInterface(ifindex: number, hops: readonly Hop[]): void;
  /**
   * Where what the kernel itself (a bridge, its stack) sends out of an interface goes first; the last hop is `stack`: it is sent.
   * Empty: detaches. @throws when the interface is gone.
   */
  setEgress(ifindex: number, hops: readonly Hop[]): void;
  /**
   * Whether an interface takes frames for whatever address. One that was made so is put back by close(), and by the next engine
   * when this one is killed. @throws when it cannot be, or the interface is gone
   */
  setPromiscuous(ifindex: number, on: boolean): void;
  packetOut(packet: PacketOut): void;
  /** What keeps packets from going where they should, for people; undefined: nothing. */
  readonly problem: string | undefined;
  /** Packets dropped, by reason, for people and metrics. */
  drops(): Map<string, bigint>;
  /** Undoes everything. */
  close(): void | Promise<void>;
}

/** The compiler refused; `message` is its whole text, without lines of files that are not the user's. */
export class CompileError extends Error {}
/** The kernel refused; `message` ends with the verifier's log. */
export class LoadError extends Error {}
/** Text that is no entry of the table, or that the kernel did not take. */
export class EntryError extends Error {}
