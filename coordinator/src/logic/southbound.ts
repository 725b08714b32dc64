import type {
  ChassisRow,
  DatapathBindingRow,
  EncapRow,
  FdbRow,
  IpMulticastRow,
  MulticastGroupRow,
  PortBindingRow,
  SbGlobalRow,
  SouthboundChange,
} from '../monitor/rows.js';
import { type HaCandidate, HaGroups } from './ha-groups.js';
import { IgmpGroups } from './igmp-groups.js';
import { LearnedMacs } from './learned-macs.js';
import { MultiMap } from './multimap.js';
import type { CompiledResource, ResourceKey } from './resource.js';

/** A logical switch as northd made it, with who takes part in it. */
export interface SwitchState {
  readonly uuid: string;
  row?: DatapathBindingRow;
  readonly ports: Set<PortState>;
  readonly groups: Map<string, MulticastGroupRow>;
  multicast?: IpMulticastRow;
  /** Chassis that take part in it ("local datapath"), and for how many of its ports. */
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
  /** Names of the chassis that take part in the switch because of it: also those that may serve it. */
  members: readonly string[];
  /** Those that may serve it, by its HA_Chassis_Group. */
  candidates: readonly HaCandidate[];
  compiled: { [V in PortView]?: CompiledResource };
  key?: ResourceKey;
}

/** How a chassis sees a port: it has it, it has it but waits for its machine's RARP, another one has it. */
export type PortView = 'local' | 'waiting' | 'remote';

export interface ChassisState {
  row: ChassisRow;
  compiled?: CompiledResource;
  key?: ResourceKey;
}

/** Who wants to know what changed. */
export interface SouthboundListener {
  portChanged(port: PortState): void;
  portRemoved(port: PortState): void;
  switchChanged(state: SwitchState): void;
  /** The chassis has a first port in the switch or may serve one, or none any more. */
  joined(state: SwitchState, chassis: string): void;
  left(state: SwitchState, chassis: string): void;
  chassisChanged(name: string): void;
  /** Another binding than before is expected; the row is as it was. */
  bindingExpected(port: PortState): void;
  /** The FDB row was made, changed or deleted, or means something else now. `state`: the switch it is of. */
  macChanged(state: SwitchState, uuid: string): void;
  /** Its IP_Multicast row is another. `flush`: what was learned is to be forgotten. */
  multicastChanged(state: SwitchState, flush: boolean): void;
}

/** What northd decided: Southbound rows with the reverse indexes that make a change's reach cheap to know. */
export class Southbound {
  nbCfg = 0n;
  readonly #switches = new Map<string, SwitchState>();
  readonly #ports = new Map<string, PortState>();
  readonly #portsByName = new Map<string, PortState>();
  readonly #chassis = new Map<string, ChassisState>();
  readonly #chassisByName = new Map<string, ChassisState>();
  readonly #encaps = new Map<string, EncapRow>();
  readonly #chassisOfEncap = new MultiMap<string, ChassisState>();
  readonly #portsOfEncap = new MultiMap<string, PortState>();
  readonly #portsOfChassisUuid = new MultiMap<string, PortState>();
  readonly #switchesOfChassis = new MultiMap<string, SwitchState>();
  readonly #switchByNb = new Map<string, SwitchState>();
  readonly #switchByKey = new Map<number, SwitchState>();
  readonly #dependents = new MultiMap<string, PortState>();
  readonly #gatewaysOf = new MultiMap<string, PortState>();
  readonly #portsOfGroup = new MultiMap<string, PortState>();
  readonly #haPorts = new Set<PortState>();
  readonly #haGroups = new HaGroups((group) => this.#groupChanged(group));
  readonly macs = new LearnedMacs();
  readonly igmpGroups = new IgmpGroups();
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

  /** The switch of a Datapath_Binding.tunnel_key; undefined for that of a router. */
  switchByKey(key: number): SwitchState | undefined {
    const state = this.#switchByKey.get(key);
    return state && this.isSwitch(state) ? state : undefined;
  }

  /** Ports that are bound where this one is: nested ports behind it, virtual ports it has claimed. */
  dependentsOf(name: string): ReadonlySet<PortState> {
    return this.#dependents.get(name);
  }

  /** Ports with options:l2gateway-chassis of that name. */
  gatewaysOf(chassis: string): ReadonlySet<PortState> {
    return this.#gatewaysOf.get(chassis);
  }

  /** Ports with an HA_Chassis_Group. */
  get haPorts(): ReadonlySet<PortState> {
    return this.#haPorts;
  }

  switchesOf(chassis: string): ReadonlySet<SwitchState> {
    return this.#switchesOfChassis.get(chassis);
  }

  /** Port_Bindings that name this Chassis row or are expected to, and those it may serve. */
  portsOf(chassisUuid: string): ReadonlySet<PortState> {
    return this.#portsOfChassisUuid.get(chassisUuid);
  }

  /** False for the datapath of a logical router, and for one whose row is not there. */
  isSwitch(state: SwitchState): boolean {
    return state.row?.external_ids.has('logical-switch') ?? false;
  }

  /**
   * True when packets may go from one to the other in a tunnel (encaps_run of ovn-controller): not to a chassis of
   * another transport zone, and to one of another availability zone only between interconnection gateways.
   */
  tunnels(from: string, to: string): boolean {
    const [a, b] = [this.#chassisByName.get(from)?.row, this.#chassisByName.get(to)?.row];
    // Not registered yet: the row's arrival has it looked at again.
    if (!a || !b) return true;
    const [here, there] = [a.transport_zones ?? [], b.transport_zones ?? []];
    if (here.length + there.length > 0 && !here.some((zone) => there.includes(zone))) return false;
    const isRemote = b.other_config?.get('is-remote') === 'true';
    return !isRemote || a.other_config?.get('is-interconn') === 'true';
  }

  /** True when both take part in some switch, so that each must know the other. */
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
    this.#setBound(port);
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
      case 'HA_Chassis_Group':
        this.#haGroups.setGroup(change.uuid, change.row);
        break;
      case 'HA_Chassis':
        this.#haGroups.setMember(change.uuid, change.row);
        break;
      case 'FDB':
        this.#setMac(change.uuid, change.row);
        break;
      case 'IP_Multicast':
        this.#setMulticast(change.row, change.old);
        break;
      case 'IGMP_Group':
        this.igmpGroups.set(change.uuid, change.row);
        break;
      case 'Chassis_Private':
        break;
    }
  }

  #setMac(uuid: string, row: FdbRow | undefined): void {
    for (const key of this.macs.set(uuid, row)) {
      const state = this.#switchByKey.get(key);
      if (state) this.#listener.macChanged(state, uuid);
    }
  }

  /** Its MACs are of another switch now, or of none. */
  #rereadMacs(state: SwitchState, key: number | undefined): void {
    for (const mac of key === undefined ? [] : this.macs.of(key)) {
      mac.compiled = undefined;
      this.#listener.macChanged(state, mac.row._uuid);
    }
  }

  #groupChanged(group: string): void {
    for (const port of [...this.#portsOfGroup.get(group)]) {
      this.#unindex(port);
      port.candidates = this.#haGroups.candidates(group);
      this.#index(port);
      this.#bind(port);
    }
  }

  #setGlobal(row: SbGlobalRow | undefined): void {
    this.nbCfg = BigInt(row?.nb_cfg ?? 0);
  }

  #setDatapath(uuid: string, row: DatapathBindingRow | undefined): void {
    const state = this.#switch(uuid);
    const wasSwitch = this.isSwitch(state);
    const oldNb = state.row?.external_ids.get('logical-switch');
    const oldKey = state.row?.tunnel_key;
    // Rows of one transaction come in any order: the key may have a new owner already.
    if (oldKey !== undefined && this.#switchByKey.get(oldKey) === state) this.#switchByKey.delete(oldKey);
    if (oldNb !== undefined && this.#switchByNb.get(oldNb) === state) this.#switchByNb.delete(oldNb);
    state.row = row;
    const nb = row?.external_ids.get('logical-switch');
    if (nb !== undefined) this.#switchByNb.set(nb, state);
    if (row) this.#switchByKey.set(row.tunnel_key, state);
    this.#listener.switchChanged(state);
    if (oldKey !== row?.tunnel_key || wasSwitch !== this.isSwitch(state))
      for (const key of new Set([oldKey, row?.tunnel_key])) this.#rereadMacs(state, key);
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

  #setMulticast(row?: IpMulticastRow, old?: IpMulticastRow): void {
    const before = old && this.#switch(old.datapath);
    // Rows of one transaction come in any order: the datapath may have another row already.
    if (before?.multicast?._uuid === old?._uuid && before) before.multicast = undefined;
    const state = row && this.#switch(row.datapath);
    if (state) state.multicast = row;
    for (const one of new Set([before, state])) {
      if (!one) continue;
      this.#listener.switchChanged(one);
      this.#listener.multicastChanged(one, old !== undefined && old.seq_no !== row?.seq_no);
    }
    if (before && before !== state) this.#forget(before);
  }

  #setPort(uuid: string, row: PortBindingRow | undefined): void {
    let port = this.#ports.get(uuid);
    if (port && port.row.datapath !== row?.datapath) {
      this.#removePort(port);
      port = undefined;
    }
    if (!row) return;
    if (!port) {
      port = {
        row,
        switch: this.#switch(row.datapath),
        bound: [],
        members: [],
        candidates: [],
        compiled: {},
      };
      this.#ports.set(uuid, port);
      port.switch.ports.add(port);
    } else {
      this.#unname(port);
    }
    this.#unindex(port);
    port.row = row;
    if (port.expected && sameBinding(port.expected, rowBinding(row))) port.expected = undefined;
    port.candidates = this.#haGroups.candidates(row.ha_chassis_group);
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
    port.bound = [];
    this.#setMembers(port, []);
    this.#forget(port.switch);
  }

  #unname(port: PortState): void {
    if (this.#portsByName.get(port.row.logical_port) === port)
      this.#portsByName.delete(port.row.logical_port);
  }

  /** Works out who has the port now, and tells what follows from it. */
  #bind(port: PortState): void {
    this.#setBound(port);
    this.#listener.portChanged(port);
  }

  #names(uuids: readonly string[]): string[] {
    const names = uuids.map((uuid) => this.#chassis.get(uuid)?.row.name);
    return [...new Set(names.filter((name) => name !== undefined))];
  }

  #index(port: PortState): void {
    const { row } = port;
    for (const uuid of chassisUuids(port)) this.#portsOfChassisUuid.add(uuid, port);
    for (const uuid of encapUuids(row)) this.#portsOfEncap.add(uuid, port);
    for (const name of parentsOf(row)) this.#dependents.add(name, port);
    const gateway = gatewayOf(row);
    if (gateway !== undefined) this.#gatewaysOf.add(gateway, port);
    if (row.ha_chassis_group === undefined) return;
    this.#portsOfGroup.add(row.ha_chassis_group, port);
    this.#haPorts.add(port);
  }

  #unindex(port: PortState): void {
    const { row } = port;
    for (const uuid of chassisUuids(port)) this.#portsOfChassisUuid.delete(uuid, port);
    for (const uuid of encapUuids(row)) this.#portsOfEncap.delete(uuid, port);
    for (const name of parentsOf(row)) this.#dependents.delete(name, port);
    const gateway = gatewayOf(row);
    if (gateway !== undefined) this.#gatewaysOf.delete(gateway, port);
    if (row.ha_chassis_group === undefined) return;
    this.#portsOfGroup.delete(row.ha_chassis_group, port);
    this.#haPorts.delete(port);
  }

  /** Works out which chassis have the port, and which take part in its switch because of it. */
  #setBound(port: PortState): void {
    port.bound = this.#names(uuidsOf(bindingOf(port)));
    // Whoever may have to serve an external port keeps its switch ready (consider_ha_lport of ovn-controller).
    const ready = port.row.type === 'external' ? port.candidates.map(({ chassis }) => chassis) : [];
    this.#setMembers(
      port,
      ready.length === 0 ? port.bound : [...new Set([...port.bound, ...this.#names(ready)])],
    );
  }

  #setMembers(port: PortState, members: readonly string[]): void {
    const before = port.members;
    port.members = members;
    const state = port.switch;
    for (const name of members) {
      if (before.includes(name)) continue;
      const count = state.members.get(name) ?? 0;
      state.members.set(name, count + 1);
      if (count > 0) continue;
      this.#switchesOfChassis.add(name, state);
      this.#listener.joined(state, name);
    }
    for (const name of before) {
      if (members.includes(name)) continue;
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
    // Rows of one transaction come in any order: ports may have named it before it was known.
    for (const port of [...this.#portsOfEncap.get(uuid)]) this.#listener.portChanged(port);
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
    if (state.row || state.multicast || state.ports.size > 0 || state.groups.size > 0) return;
    this.#switches.delete(state.uuid);
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

/** Tunnel addresses that the port's interfaces ask for. */
export function encapUuids({ encap, additional_encap }: PortBindingRow): string[] {
  return [encap ?? [], additional_encap ?? []].flat();
}

/** Rows of Chassis that the port's row is about. */
function chassisUuids(port: PortState): string[] {
  const bound = [rowBinding(port.row), port.expected].flatMap((binding) => (binding ? uuidsOf(binding) : []));
  return [...bound, ...port.candidates.map(({ chassis }) => chassis)];
}

function parentsOf(row: PortBindingRow): string[] {
  return [row.parent_port, row.virtual_parent].filter(
    (name) => name !== undefined && name !== '',
  ) as string[];
}

function gatewayOf(row: PortBindingRow): string | undefined {
  return row.type === 'l2gateway' ? row.options.get('l2gateway-chassis') : undefined;
}

function uuidsOf({ chassis, additional }: Binding): readonly string[] {
  return chassis === undefined ? additional : [chassis, ...additional];
}
