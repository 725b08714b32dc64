import type { ModuleInstance } from '../engine/hoverEngine.js';
import { MAX_PORTS } from '../engine/hoverEngine.js';
import type { BuiltinInstance } from './builtin.js';
import type { JsonObject } from './json.js';
import { NumberPool } from './numberPool.js';

/** One side of a link. */
export interface End {
  readonly node: ModuleNode | InterfaceNode;
  /** Of a module: 1 to 127; of an interface always 1. */
  readonly port: number;
}

/** Joins two nodes, both ways. */
export interface Link {
  /** Opaque; goes with the link. */
  readonly id: string;
  readonly from: End;
  readonly to: End;
}

/** A module that somebody loaded. */
export class ModuleNode {
  readonly kind = 'module';
  /** By port. */
  readonly links = new Map<number, Link>();
  readonly ports: NumberPool;
  displayName = '';
  tags: readonly string[] | null = null;
  /** What the API shows: `code`, or the configuration of a built-in module. */
  config: JsonObject = {};
  builtin: BuiltinInstance | undefined;

  constructor(
    readonly number: number,
    /** As the client gave it: `bpf`, `bpf/policy`, `switch`. */
    readonly type: string,
    readonly instance: ModuleInstance,
    maxPorts?: number,
  ) {
    const exhausted =
      maxPorts === undefined ? undefined : `Module "${this.path}" has ${maxPorts} ports at most`;
    this.ports = new NumberPool(1, maxPorts ?? MAX_PORTS, exhausted);
  }

  /** Its id. */
  get path(): string {
    return `m:${String(this.number).padStart(8, '0')}`;
  }

  get isPolicy(): boolean {
    return this.type === 'bpf/policy';
  }
}

/** A network device that is linked. */
export class InterfaceNode {
  readonly kind = 'interface';
  link: Link | undefined;
  /** It was made promiscuous for its link, and was not before. */
  madePromiscuous = false;

  constructor(
    readonly number: number,
    readonly ifindex: number,
    public name: string,
  ) {}

  get path(): string {
    return `i:${this.name}`;
  }
}

/** A bridge of the kernel, found by itself. */
export interface BridgeNode {
  readonly kind: 'bridge';
  readonly number: number;
  readonly ifindex: number;
  readonly name: string;
}

export function bridgePath(bridge: { readonly name: string }): string {
  return `b:${bridge.name}`;
}

/** The side of the link that is not `end`. */
export function otherEnd(link: Link, end: End): End {
  return link.from === end ? link.to : link.from;
}
