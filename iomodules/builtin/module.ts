import { fileURLToPath } from 'node:url';
import type { BpfMap } from '@iovisor-ovn/libbpf';

/** JSON as it came from a client. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** A port of the module, and what is linked to it. */
export interface PortPeer {
  /** 1 to 127. */
  readonly port: number;
  /** How the configuration names it: the display name of the module, or the name of the interface, that is linked to it. */
  readonly name: string;
}

/** A packet that the module's program gave to user space by iov_to_controller(). */
export interface ModulePacket {
  /** It came in by. */
  port: number;
  /** Bytes of the packet; `data` may be cut. */
  length: number;
  reason: number;
  /** md->metadata. */
  metadata: readonly [number, number, number];
  data: Buffer;
}

/** What a module's user space part has of the engine. */
export interface ModuleHost {
  /** Of the object, by C name. The host closes it. @throws Error when there is none */
  map(name: string): BpfMap;
  /** `ingress`: into the module as if received on the port; `egress`: out of the port. Nothing happens when the port is not linked. */
  packetOut(sense: 'ingress' | 'egress', port: number, data: Buffer): void;
  log(text: string): void;
}

/** The user space part of one module that is loaded. */
export interface ModuleControl {
  /**
   * Checks the configuration and writes all of it; called when it or a link changed. A name that no link has (yet) is no error:
   * what needs it stays closed. Leaves all as it was when it throws.
   * @throws ConfigError
   */
  configure(config: JsonObject, ports: readonly PortPeer[]): void;
  /** Whether the packet was for this: otherwise a controller gets it. */
  packetIn?(packet: ModulePacket): boolean;
  /** The module is about to go: ends timers. */
  close?(): void;
}

/** A module that `module_type` names, and that JSON configures. */
export interface BuiltinModule {
  /** What `module_type` may be. */
  readonly types: readonly string[];
  /** Path of the compiled object. */
  readonly object: string;
  readonly description: string;
  /** How many links it takes at most; undefined: as many as any module. */
  readonly maxPorts?: number;
  start(host: ModuleHost): ModuleControl;
}

/** Registers the module of `folder`; generate.mjs has compiled its FOLDER.bpf.c. */
export function defineBuiltin(
  folder: string,
  types: readonly string[],
  description: string,
  start: (host: ModuleHost) => ModuleControl,
  limits: Pick<BuiltinModule, 'maxPorts'> = {},
): BuiltinModule {
  // Compiled, this file lies in dist/builtin.
  const object = fileURLToPath(new URL(`../obj/${folder}.bpf.o`, import.meta.url));
  return { types, object, description, start, ...limits };
}
