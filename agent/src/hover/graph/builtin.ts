import type { CompiledModule, HoverEngine, ModuleInstance, PacketIn } from '../engine/hoverEngine.js';
import type { JsonObject } from './json.js';

/** A port of a module, and what is linked to it. */
export interface PortPeer {
  /** 1 to 127. */
  readonly port: number;
  /** `m:00000001` or `i:veth1`. */
  readonly path: string;
  /** How a configuration names the port: the display name of the module, or the name of the interface, that is linked to it. */
  readonly name: string;
}

/** A module of a built-in type that is loaded. */
export interface BuiltinInstance {
  /**
   * Checks the configuration and writes all of it; called when it or a link changed, so names of ports in it have to be looked up
   * anew. A name that no link has (yet) is no error: what needs it stays closed. Leaves all as it was when it throws.
   * @throws Error whose text goes to the client
   */
  configure(config: JsonObject, ports: readonly PortPeer[]): void;
  /** A packet that the module gave to user space. Whether it was for this: otherwise a controller gets it. */
  packetIn?(packet: PacketIn): boolean;
  /** The module is about to go. */
  close?(): void;
}

/** A type that `module_type` may name instead of bringing source code. */
export interface BuiltinModule {
  /** How many links it takes at most; undefined: as many as any module. */
  readonly maxPorts?: number;
  /** Compiles its source, or opens an object that was compiled when this was built. @throws CompileError */
  compile(engine: HoverEngine): Promise<CompiledModule>;
  /** @throws LoadError, EntryError */
  start(instance: ModuleInstance, engine: HoverEngine): BuiltinInstance;
}

/** By the name that `module_type` has. */
export type BuiltinRegistry = ReadonlyMap<string, BuiltinModule>;
