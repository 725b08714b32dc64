import type {
  ChassisRow,
  DatapathBindingRow,
  EncapRow,
  MulticastGroupRow,
  PortBindingRow,
  SbGlobalRow,
  SouthboundChange,
} from '../monitor/rows.js';
import { MultiMap } from './multimap.js';
import type { CompiledResource } from './resource.js';

/** A logical switch as northd made it, with who takes part in it. */
export interface SwitchState {
  readonly uuid: string;
  row?: DatapathBindingRow;
  readonly ports: Set<PortState>;
  readonly groups: Map<string, MulticastGroupRow>;
  /** Chassis that host a port of it, and how many. */
  readonly members: Map<string, number>;
  compiled?: CompiledResource;
}

/** Who has a port: uuids of Chassis rows. */
export interface Binding {
  readonly chassis?: string;
  readonly additional: readonly string[];
}

/** A Port_Binding of a logical switch. */
export interface PortState {
  row: PortBindingRow;
  /** The binding that is being written: it counts as done until the row says so, or the write is refused. */
  expected?: Binding;
  switch: SwitchState;
  /** Names of the chassis that have it: the main one first. */
  bound: readonly string[];
  /** As the chassis that have it see it, and as the others do. */
  compiledLocal?: CompiledResource;
  compiledRemote?: CompiledResource;
}

export interface ChassisState {
  row: ChassisRow;
  compiled?: CompiledResource;
}

/** Who wants to know what changed. */
export interface SouthboundListener {
  portChanged(port: PortState): void;
  portRemoved(port: PortState): void;
  switchChanged(state: SwitchState): void;
  /** The chassis has a first port in the switch, or none any more. */
  joined(state: SwitchState, chassis: string): void;
  left(state: SwitchState, chassis: string): void;
  chassisChanged(name: string): void;
  /** Another binding than before is expected; the row is as it was. */
  bindingExpected(port: PortState): void;
}

/** What northd decided: Southbound rows with the reverse indexes that make a change's reach cheap to know. */
export class Southbound {
  nbCfg = 0;
  readonly #switches = new Map<string, SwitchState>();
  readonly #ports = new Map<string, PortState>();
  readonly #portsByName = new Map<string, PortState>();
  readonly #chassis = new Map<string, ChassisState>();
  readonly #chassisByName = new Map<string, ChassisState>();
  readonly #encaps = new Map<string, EncapRow>();
  readonly #chassisOfEncap = new MultiMap<string, ChassisState>();
  readonly #portsOfChassisUuid = new MultiMap<string, PortState>();
  readonly #switchesOfChassis = new MultiMap<string, SwitchState>();
  readonly #switchByNb = new Map<string, SwitchState>();
  readonly #listener: SouthboundListener;

  constructor(listener: SouthboundListener) {
    this.#listener = listener;
  }

  get switches(): ReadonlyMap<string, SwitchState> {
    return this.#switches;
  }

  get ports(): ReadonlyMap<string, PortState> {
    return this.#ports;
  }

  get chassis(): ReadonlyMap<string, ChassisState> {
    return this.#chassisByName;
  }

  port(name: string): PortState | undefined {
    return this.#portsByName.get(name);
  }

  chassisByUuid(uuid: string): ChassisState | undefined {
    return this.#chassis.get(uuid);
  }

  encap(uuid: string): EncapRow | undefined {
    return this.#encaps.get(uuid);
  }

  /** The switch of a Northbound Logical_Switch uuid. */
  switchOf(nbUuid: string): SwitchState | undefined {
    return this.#switchByNb.get(nbUuid);
  }

  switchesOf(chassis: string): ReadonlySet<SwitchState> {
    return this.#switchesOfChassis.get(chassis);
  }

  /** Port_Bindings that name this Chassis row, or are expected to. */
  portsOf(chassisUuid: string): ReadonlySet<PortState> {
    return this.#portsOfChassisUuid.get(chassisUuid);
  }

  /** False for the datapath of a logical router, and for one whose row is not there. */
  isSwitch(state: SwitchState): boolean {
    return state.row?.external_ids.has('logical-switch') ?? false;
  }

  /** True when both host ports of some switch, so that each must know the other. */
  share(a: string, b: string): boolean {
    const [few, many] = this.switchesOf(a).size <= this.switchesOf(b).size ? [a, b] : [b, a];
    for (const state of this.switchesOf(few)) if (state.members.has(many)) return true;
    return false;
  }

  /** A binding is being written (undefined: no more): all that depends on it goes ahead. */
  expect(port: PortState, expected: Binding | undefined): void {
    if (this.#ports.get(port.row._uuid) !== port) return;
    const before = bindingOf(port);
    if (port.expected === expected) return;
    this.#unindex(port);
    port.expected = expected;
    this.#index(port);
    if (sameBinding(before, bindingOf(port))) return;
    this.#setBound(port, this.#names(port));
    this.#listener.bindingExpected(port);
  }

  /** Takes one row's change. */
  apply(change: SouthboundChange): void {
    switch (change.table) {
      case 'SB_Global':
        this.#setGlobal(change.row);
        break;
      case 'Chassis':
        this.#setChassis(change.uuid, change.row);
        break;
      case 'Encap':
        this.#setEncap(change.uuid, change.row);
        break;
      case 'Datapath_Binding':
        this.#setDatapath(change.uuid, change.row);
        break;
      case 'Port_Binding':
        this.#setPort(change.uuid, change.row);
        break;
      case 'Multicast_Group':
        this.#setGroup(change.uuid, change.row, change.old);
        break;
      case 'Chassis_Private':
        break;
    }
  }

  #setGlobal(row: SbGlobalRow | undefined): void {
    this.nbCfg = row?.nb_cfg ?? 0;
  }

  #setDatapath(uuid: string, row: DatapathBindingRow | undefined): void {
    const state = this.#switch(uuid);
    const wasSwitch = this.isSwitch(state);
    const oldNb = state.row?.external_ids.get('logical-switch');
    if (oldNb !== undefined && this.#switchByNb.get(oldNb) === state) this.#switchByNb.delete(oldNb);
    state.row = row;
    const nb = row?.external_ids.get('logical-switch');
    if (nb !== undefined) this.#switchByNb.set(nb, state);
    this.#listener.switchChanged(state);
    // Rows of one transaction come in any order: its ports may have come before it.
    if (wasSwitch !== this.isSwitch(state)) for (const port of state.ports) this.#listener.portChanged(port);
    if (!row) this.#forget(state);
  }

  #setGroup(uuid: string, row?: MulticastGroupRow, old?: MulticastGroupRow): void {
    if (old && old.datapath !== row?.datapath) {
      const before = this.#switch(old.datapath);
      before.groups.delete(uuid);
      this.#listener.switchChanged(before);
      this.#forget(before);
    }
    if (!row) return;
    const state = this.#switch(row.datapath);
    state.groups.set(uuid, row);
    this.#listener.switchChanged(state);
  }

  #setPort(uuid: string, row: PortBindingRow | undefined): void {
    let port = this.#ports.get(uuid);
    if (port && port.row.datapath !== row?.datapath) {
      this.#removePort(port);
      port = undefined;
    }
    if (!row) return;
    if (!port) {
      port = { row, switch: this.#switch(row.datapath), bound: [] };
      this.#ports.set(uuid, port);
      port.switch.ports.add(port);
    } else {
      this.#unname(port);
    }
    this.#unindex(port);
    port.row = row;
    if (port.expected && sameBinding(port.expected, rowBinding(row))) port.expected = undefined;
    this.#index(port);
    this.#portsByName.set(row.logical_port, port);
    this.#bind(port);
  }

  #removePort(port: PortState): void {
    this.#unindex(port);
    this.#unname(port);
    this.#ports.delete(port.row._uuid);
    port.switch.ports.delete(port);
    this.#listener.portRemoved(port);
    this.#setBound(port, []);
    this.#forget(port.switch);
  }

  #unname(port: PortState): void {
    if (this.#portsByName.get(port.row.logical_port) === port)
      this.#portsByName.delete(port.row.logical_port);
  }

  /** Works out who has the port now, and tells what follows from it. */
  #bind(port: PortState): void {
    this.#setBound(port, this.#names(port));
    this.#listener.portChanged(port);
  }

  #names(port: PortState): string[] {
    const names = uuidsOf(bindingOf(port)).map((uuid) => this.#chassis.get(uuid)?.row.name);
    return [...new Set(names.filter((name) => name !== undefined))];
  }

  #index(port: PortState): void {
    for (const uuid of uuidsOf(rowBinding(port.row))) this.#portsOfChassisUuid.add(uuid, port);
    if (port.expected) for (const uuid of uuidsOf(port.expected)) this.#portsOfChassisUuid.add(uuid, port);
  }

  #unindex(port: PortState): void {
    for (const uuid of uuidsOf(rowBinding(port.row))) this.#portsOfChassisUuid.delete(uuid, port);
    if (port.expected) for (const uuid of uuidsOf(port.expected)) this.#portsOfChassisUuid.delete(uuid, port);
  }

  #setBound(port: PortState, bound: readonly string[]): void {
    const before = port.bound;
    port.bound = bound;
    const state = port.switch;
    for (const name of bound) {
      if (before.includes(name)) continue;
      const count = state.members.get(name) ?? 0;
      state.members.set(name, count + 1);
      if (count > 0) continue;
      this.#switchesOfChassis.add(name, state);
      this.#listener.joined(state, name);
    }
    for (const name of before) {
      if (bound.includes(name)) continue;
      const count = (state.members.get(name) ?? 1) - 1;
      if (count > 0) {
        state.members.set(name, count);
        continue;
      }
      state.members.delete(name);
      this.#switchesOfChassis.delete(name, state);
      this.#listener.left(state, name);
    }
  }

  #setChassis(uuid: string, row: ChassisRow | undefined): void {
    const old = this.#chassis.get(uuid);
    for (const encap of old?.row.encaps ?? []) this.#chassisOfEncap.delete(encap, old!);
    if (old && this.#chassisByName.get(old.row.name) === old) this.#chassisByName.delete(old.row.name);
    if (row) {
      const state: ChassisState = { row };
      this.#chassis.set(uuid, state);
      this.#chassisByName.set(row.name, state);
      for (const encap of row.encaps) this.#chassisOfEncap.add(encap, state);
    } else {
      this.#chassis.delete(uuid);
    }
    // Rows of one transaction come in any order: a port may have named this chassis before it was known.
    if (old?.row.name !== row?.name) for (const port of [...this.portsOf(uuid)]) this.#bind(port);
    if (old && old.row.name !== row?.name) this.#listener.chassisChanged(old.row.name);
    if (row) this.#listener.chassisChanged(row.name);
  }

  #setEncap(uuid: string, row: EncapRow | undefined): void {
    if (row) this.#encaps.set(uuid, row);
    else this.#encaps.delete(uuid);
    for (const chassis of this.#chassisOfEncap.get(uuid)) {
      chassis.compiled = undefined;
      this.#listener.chassisChanged(chassis.row.name);
    }
  }

  #switch(uuid: string): SwitchState {
    let state = this.#switches.get(uuid);
    if (!state) {
      state = { uuid, ports: new Set(), groups: new Map(), members: new Map() };
      this.#switches.set(uuid, state);
    }
    return state;
  }

  #forget(state: SwitchState): void {
    if (!state.row && state.ports.size === 0 && state.groups.size === 0) this.#switches.delete(state.uuid);
  }
}

/** Who has the port, or will in a moment. */
export function bindingOf(port: PortState): Binding {
  return port.expected ?? rowBinding(port.row);
}

export function sameBinding(a: Binding, b: Binding): boolean {
  if (a.chassis !== b.chassis || a.additional.length !== b.additional.length) return false;
  return a.additional.every((uuid) => b.additional.includes(uuid));
}

export function rowBinding(row: PortBindingRow): Binding {
  return { chassis: row.chassis, additional: row.additional_chassis ?? [] };
}

function uuidsOf({ chassis, additional }: Binding): readonly string[] {
  return chassis === undefined ? additional : [chassis, ...additional];
}
