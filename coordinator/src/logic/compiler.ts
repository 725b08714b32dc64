import { ResourceType } from '@iovisor-ovn/proto';
import type { FdbRow, NorthboundChange, SouthboundChange } from '../monitor/rows.js';
import type { ProblemRegistry } from '../problems/registry.js';
import { awaitsRarp } from './activation.js';
import { macBytes } from './addresses.js';
import { chassisBody, macBody, portBody, switchBody } from './bodies.js';
import { Northbound, virtualParents } from './northbound.js';
import { type CompiledResource, compileResource, type ResourceKey, resourceKey } from './resource.js';
import { type PortState, type PortView, Southbound, type SwitchState } from './southbound.js';
import { TagConflicts } from './tag-conflicts.js';

const { LOGICAL_SWITCH, LOGICAL_PORT, REMOTE_CHASSIS, LEARNED_MAC } = ResourceType;

export interface CompilerListener {
  /** What `chassis` must hold under `key` may have changed. */
  dirty(chassis: string, key: ResourceKey): void;
  /** The Port_Binding of that name was made, changed or deleted. */
  bindingChanged(logicalPort: string): void;
  /** The IP_Multicast row of the switch is another. `flush`: what was learned is to be forgotten. */
  multicastChanged?(state: SwitchState, flush: boolean): void;
  /** The Chassis row of that name, or one of its encaps, was made, changed or deleted. */
  chassisChanged(name: string): void;
}

/**
 * Rows to intents, by need: a change only marks what it touches for the chassis that must hear of it, and a resource
 * is compiled when one of them asks for it. So a mark may be wrong without harm, and work is proportional to the
 * change. A chassis takes part in a switch when it hosts a port of it, or may have to serve one (HA_Chassis_Group); a
 * localnet port or localport alone does not make it. It then needs that switch, all its ports, the MACs learned in it,
 * and the other chassis that take part.
 */
export class Compiler {
  readonly northbound: Northbound;
  readonly southbound: Southbound;
  readonly #listener: CompilerListener;
  readonly #problems: ProblemRegistry;
  readonly #tags: TagConflicts;

  constructor(problems: ProblemRegistry, listener: CompilerListener) {
    this.#listener = listener;
    this.#problems = problems;
    this.#tags = new TagConflicts(problems);
    this.northbound = new Northbound(problems, {
      portChanged: (name) => this.#markPortNamed(name),
      isBinding: (name) => this.southbound.port(name) !== undefined,
      switchChanged: (uuid) => this.#markSwitch(this.southbound.switchOf(uuid)),
      optionsChanged: () => {
        for (const port of this.southbound.ports.values()) this.#markPort(port);
      },
    });
    this.southbound = new Southbound({
      portChanged: (port) => this.#bindingChanged(port),
      portRemoved: (port) => {
        this.northbound.forget(port.row.logical_port);
        this.#bindingChanged(port);
      },
      switchChanged: (state) => this.#markSwitch(state),
      joined: (state, chassis) => this.#markAll(state, chassis),
      left: (state, chassis) => this.#markAll(state, chassis),
      chassisChanged: (name) => {
        this.#markChassis(name);
        listener.chassisChanged(name);
      },
      bindingExpected: (port) => this.#markPort(port),
      macChanged: (state, uuid) => this.#markMac(state, uuid),
      multicastChanged: (state, flush) => listener.multicastChanged?.(state, flush),
    });
  }

  /** The newest configuration contained in both replicas: NB_Global.nb_cfg and northd's copy of it. */
  get nbCfg(): bigint {
    const wanted = this.northbound.nbCfg;
    const copied = this.southbound.nbCfg;
    if (wanted < copied) return wanted;
    return copied;
  }

  applyNorthbound(change: NorthboundChange): void {
    this.northbound.apply(change);
  }

  applySouthbound(change: SouthboundChange): void {
    if (change.table === 'FDB') this.#checkMac(change.uuid, change.row);
    if (change.table === 'Port_Binding') this.#tags.set(change.uuid, change.row);
    this.southbound.apply(change);
  }

  /** Every resource `chassis` must hold. */
  *wanted(chassis: string): Generator<ResourceKey> {
    const others = new Set<string>();
    for (const state of this.southbound.switchesOf(chassis)) {
      yield resourceKey(LOGICAL_SWITCH, state.uuid);
      for (const port of state.ports) yield portKey(port);
      for (const { row } of this.#macsOf(state)) yield resourceKey(LEARNED_MAC, row._uuid);
      for (const name of state.members.keys()) others.add(name);
    }
    others.delete(chassis);
    for (const name of others) yield this.#chassisKey(name);
  }

  /** What `chassis` must hold under `key`; undefined when it must not hold it. */
  resource(chassis: string, key: ResourceKey): CompiledResource | undefined {
    const slash = key.indexOf('/');
    const id = key.slice(slash + 1);
    switch (key.slice(0, slash)) {
      case 'switch':
        return this.#switch(chassis, id);
      case 'port':
        return this.#port(chassis, id);
      case 'chassis':
        return this.#remoteChassis(chassis, id);
      case 'mac':
        return this.#learnedMac(chassis, id);
      default:
        return undefined;
    }
  }

  /**
   * Like resource(), whatever was compiled before: what a coordinator that has just begun would send. Rows that changed
   * since resource() was asked last are no difference, as each change forgets what was compiled.
   */
  resourceAnew(chassis: string, key: ResourceKey): CompiledResource | undefined {
    const slash = key.indexOf('/');
    const id = key.slice(slash + 1);
    const { switches, ports, macs, chassis: others } = this.southbound;
    const port = ports.get(id);
    if (port !== undefined) port.compiled = {};
    for (const state of [switches.get(id), macs.get(id), others.get(id)])
      if (state !== undefined) state.compiled = undefined;
    return this.resource(chassis, key);
  }

  #switch(chassis: string, uuid: string): CompiledResource | undefined {
    const state = this.southbound.switches.get(uuid);
    if (!state?.members.has(chassis) || !this.southbound.isSwitch(state)) return undefined;
    state.compiled ??= compileResource(uuid, {
      $case: 'logicalSwitch',
      value: switchBody(state, this.northbound),
    });
    return state.compiled;
  }

  #port(chassis: string, uuid: string): CompiledResource | undefined {
    const port = this.southbound.ports.get(uuid);
    if (!port?.switch.members.has(chassis) || !this.southbound.isSwitch(port.switch)) return undefined;
    // Southbound was quicker than Northbound: what the operator said of the port comes in a moment.
    if (!this.northbound.port(port.row.logical_port)) return undefined;
    const view = this.#viewOf(port, chassis);
    port.compiled[view] ??= compileResource(uuid, {
      $case: 'logicalPort',
      value: portBody(port, view, this.northbound, this.southbound),
    });
    return port.compiled[view];
  }

  #viewOf(port: PortState, chassis: string): PortView {
    const type = this.northbound.port(port.row.logical_port)?.row.type ?? port.row.type;
    // Each chassis of the switch has its own of these.
    if (type === 'localnet' || type === 'localport') return 'local';
    if (!port.bound.includes(chassis)) return 'remote';
    return awaitsRarp(port, this.southbound.chassis.get(chassis)?.row) ? 'waiting' : 'local';
  }

  #learnedMac(chassis: string, uuid: string): CompiledResource | undefined {
    const learned = this.southbound.macs.get(uuid);
    const state = learned && this.southbound.switchByKey(learned.row.dp_key);
    if (!state?.members.has(chassis)) return undefined;
    if (!learned?.compiled) {
      const value = learned && macBody(learned.row, state);
      if (!value) return undefined;
      learned.compiled = compileResource(uuid, { $case: 'learnedMac', value });
    }
    return learned.compiled;
  }

  #remoteChassis(chassis: string, name: string): CompiledResource | undefined {
    const state = this.southbound.chassis.get(name);
    if (!state || name === chassis || !this.southbound.share(chassis, name)) return undefined;
    if (!this.southbound.tunnels(chassis, name)) return undefined;
    state.compiled ??= compileResource(name, {
      $case: 'remoteChassis',
      value: chassisBody(state, this.southbound),
    });
    return state.compiled;
  }

  #markPortNamed(name: string): void {
    const port = this.southbound.port(name);
    if (port) this.#markPort(port);
  }

  #bindingChanged(port: PortState): void {
    // First: it may say whose it will be, and that one has most to do.
    this.#listener.bindingChanged(port.row.logical_port);
    this.#markPort(port);
    for (const parent of virtualParents(this.northbound.port(port.row.logical_port)))
      this.#markPortNamed(parent);
  }

  #markPort(port: PortState): void {
    port.compiled = {};
    const key = portKey(port);
    const { members } = port.switch;
    for (const chassis of port.bound) if (members.has(chassis)) this.#listener.dirty(chassis, key);
    for (const chassis of members.keys()) this.#listener.dirty(chassis, key);
  }

  #markSwitch(state: SwitchState | undefined): void {
    if (!state) return;
    state.compiled = undefined;
    const key = resourceKey(LOGICAL_SWITCH, state.uuid);
    for (const chassis of state.members.keys()) this.#listener.dirty(chassis, key);
  }

  #markMac(state: SwitchState, uuid: string): void {
    const key = resourceKey(LEARNED_MAC, uuid);
    for (const chassis of state.members.keys()) this.#listener.dirty(chassis, key);
  }

  #macsOf(state: SwitchState) {
    const key = state.row?.tunnel_key;
    return key !== undefined && this.southbound.switchByKey(key) === state
      ? this.southbound.macs.of(key)
      : [];
  }

  #checkMac(uuid: string, row: FdbRow | undefined): void {
    const message = `"${row?.mac}" is not a MAC; the row is ignored`;
    const problem = { where: 'Southbound', table: 'FDB', uuid, column: 'mac', message };
    this.#problems.replace(`fdb:${uuid}`, row && !macBytes(row.mac) ? [problem] : []);
  }

  /** `chassis` came into or went out of the switch: all of the switch for it, and it for the others. */
  #markAll(state: SwitchState, chassis: string): void {
    this.#listener.dirty(chassis, resourceKey(LOGICAL_SWITCH, state.uuid));
    for (const port of state.ports) this.#listener.dirty(chassis, portKey(port));
    for (const { row } of this.#macsOf(state))
      this.#listener.dirty(chassis, resourceKey(LEARNED_MAC, row._uuid));
    const own = this.#chassisKey(chassis);
    for (const other of state.members.keys()) {
      if (other === chassis) continue;
      this.#listener.dirty(chassis, this.#chassisKey(other));
      this.#listener.dirty(other, own);
    }
  }

  #chassisKey(name: string): ResourceKey {
    const state = this.southbound.chassis.get(name);
    if (!state) return resourceKey(REMOTE_CHASSIS, name);
    state.key ??= resourceKey(REMOTE_CHASSIS, name);
    return state.key;
  }

  #markChassis(name: string): void {
    const state = this.southbound.chassis.get(name);
    if (state) state.compiled = undefined;
    const key = this.#chassisKey(name);
    const told = new Set<string>();
    for (const shared of this.southbound.switchesOf(name))
      for (const other of shared.members.keys()) told.add(other);
    for (const other of told) {
      this.#listener.dirty(other, key);
      // Whom it may reach is a matter of both (transport zones).
      if (other !== name) this.#listener.dirty(name, this.#chassisKey(other));
    }
  }
}

/** Each port's key is one string, however many sessions keep it. */
function portKey(port: PortState): ResourceKey {
  port.key ??= resourceKey(LOGICAL_PORT, port.row._uuid);
  return port.key;
}
