import { createHash } from 'node:crypto';
import type { LogicalPort } from '@iovisor-ovn/proto';
import { placeOf, vlanOf } from './compile/kind.js';

/** A way into a physical network beside the one that all its ports share. */
export interface FurtherWire {
  /** As in ovn-bridge-mappings. */
  readonly network: string;
  /** The 802.1Q VLAN that it carries; undefined: everything. */
  readonly vlan: number | undefined;
}

/** Switches that want the same frames of a physical network. */
interface Rivals {
  /** Ids of their ports, by switch. */
  readonly ports: Map<string, Set<string>>;
  /** The switch that has the network's own wire. */
  holder: string | undefined;
}

/** What a port at a physical network has. */
interface Place {
  readonly rivals: string;
  readonly switchId: string;
  readonly wire: string;
}

/**
 * By which wire each port at a physical network is connected to the network's bridge. One wire serves all ports of a network as
 * long as VLANs tell them apart; a switch that wants frames which another switch gets already has a further one, as every such
 * port has a patch port of its own in OVN: the bridge, which learns, delivers to both, and between them.
 *
 * A switch keeps its wire as long as it has such ports: the bridge knows which machines are behind it. After a restart those
 * wires that are there say whose they are.
 */
export class Wires {
  readonly #isThere: (wire: string) => boolean;
  readonly #rivals = new Map<string, Rivals>();
  readonly #places = new Map<string, Place>();
  /** Port ids by wire. */
  readonly #users = new Map<string, Set<string>>();
  #further: ReadonlyMap<string, FurtherWire> = new Map();
  readonly #left = new Set<string>();

  /** @param isThere whether an earlier agent has left this wire */
  constructor(isThere: (wire: string) => boolean = () => false) {
    this.#isThere = isThere;
  }

  /** Those that are wanted beside one for each network, by name; another object whenever something changed. */
  get further(): ReadonlyMap<string, FurtherWire> {
    return this.#further;
  }

  /** The wire of a port; that of its network bears the network's name. */
  of(portId: string): string | undefined {
    return this.#places.get(portId)?.wire;
  }

  portsAt(wire: string): Iterable<string> {
    return this.#users.get(wire) ?? [];
  }

  isUsed(wire: string): boolean {
    return this.#users.has(wire);
  }

  /** Those that a port has left since the last call: what the bridge learned there may be somewhere else now. */
  takeLeft(): string[] {
    const left = [...this.#left];
    this.#left.clear();
    return left;
  }

  /** @param port undefined: it is gone */
  set(portId: string, port: LogicalPort | undefined): void {
    const place = port && placeOf(port);
    const network = place?.kind === 'network' ? place.name : undefined;
    const vlan = port && vlanOf(port);
    const rivals = `${vlan?.proto ?? 0} ${vlan?.id ?? 0} ${network}`;
    const before = this.#places.get(portId);
    if (before === undefined && network === undefined) return;
    if (network !== undefined && before?.rivals === rivals && before.switchId === port!.switchId) return;
    if (before !== undefined) this.#leave(portId, before);
    if (network === undefined) return;
    // Of other tags a bridge sees nothing.
    const carried = vlan?.proto === 0x8100 ? vlan.id : undefined;
    this.#join(portId, rivals, port!.switchId, { network, vlan: carried });
  }

  #join(portId: string, key: string, switchId: string, further: FurtherWire): void {
    const rivals = this.#rivals.get(key) ?? { ports: new Map(), holder: undefined };
    this.#rivals.set(key, rivals);
    const own = nameOf(key, switchId);
    if (!rivals.ports.has(switchId)) {
      rivals.ports.set(switchId, new Set());
      if (rivals.holder === undefined && !this.#isThere(own)) rivals.holder = switchId;
      else this.#further = new Map(this.#further).set(own, further);
    }
    rivals.ports.get(switchId)!.add(portId);
    const wire = rivals.holder === switchId ? further.network : own;
    this.#places.set(portId, { rivals: key, switchId, wire });
    const users = this.#users.get(wire) ?? new Set();
    this.#users.set(wire, users.add(portId));
  }

  #leave(portId: string, { rivals: key, switchId, wire }: Place): void {
    this.#places.delete(portId);
    this.#left.add(wire);
    const users = this.#users.get(wire)!;
    users.delete(portId);
    if (users.size === 0) this.#users.delete(wire);
    const rivals = this.#rivals.get(key)!;
    const ports = rivals.ports.get(switchId)!;
    ports.delete(portId);
    if (ports.size > 0) return;
    rivals.ports.delete(switchId);
    if (rivals.holder === switchId) rivals.holder = undefined;
    else {
      const further = new Map(this.#further);
      further.delete(wire);
      this.#further = further;
    }
    if (rivals.ports.size === 0) this.#rivals.delete(key);
  }
}

/** A name for a device, always the same. */
function nameOf(rivals: string, switchId: string): string {
  return `iovx.${createHash('sha256').update(`${switchId} ${rivals}`).digest('hex').slice(0, 10)}`;
}
