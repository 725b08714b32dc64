import type {
  Encap,
  LearnedMac,
  LogicalPort,
  LogicalSwitch,
  Resource,
  ResourceRef,
} from '@iovisor-ovn/proto';
import { ResourceType } from '@iovisor-ovn/proto';
import { iov_destCodec, iov_fdb_keyCodec, iov_group_scope as scope } from './abi.js';
import {
  addresses,
  chooseTunnels,
  type LocalEnd,
  NO_OUTER_SETTINGS,
  type OuterSettings,
} from './chooseTunnel.js';
import type { Claims } from './claims.js';
import { type Dest, destinationOf, type Localnet } from './compile/destination.js';
import { compileGroup, GROUP_MAX_MEMBERS, type GroupId } from './compile/group.js';
import { chassisOf, isOnSeveral, needsNoDevice, placeOf, type Vlan, vlanOf } from './compile/kind.js';
import { compileOtherTag, compilePort, type Tap } from './compile/port.js';
import { elementSignature } from './compile/security.js';
import { compileSwitch, UNKNOWN } from './compile/switch.js';
import { compileLocals, compileTunnel, type Tunnel, type TunnelPath, usableWays } from './compile/tunnel.js';
import { canonicalIp } from './compile/underlay.js';
import type { Entry } from './entry.js';
import { Holdings } from './holdings.js';
import { IfindexTable } from './ifindexTable.js';
import type { Instances } from './instances.js';
import { Localnets } from './localnets.js';
import { type Delivery, SwitchMembers } from './members.js';
import { Refused } from './refused.js';
import { Resources } from './resources.js';
import { type FurtherWire, Wires } from './wires.js';

/** A local port, as reports need it. */
export interface LocalPort {
  id: string;
  number: number;
  resource: LogicalPort;
  tap: Tap | undefined;
}

/** A tunnel and its number. */
export interface HeldTunnel {
  tunnel: Tunnel;
  number: number;
}

/** The kernel's routing as the compiler asks it. */
export interface Underlay {
  /** Undefined: no route. */
  pathOf(tunnel: Tunnel): TunnelPath | undefined;
  /** The source address that the kernel chooses towards that address. */
  sourceTo(remoteIp: string): string | undefined;
}

/**
 * Turns resources and local facts (taps, tunnel addresses, routes) into wanted map entries, recompiling only what a
 * change touches. Call the setters, then drain compile(); nothing here writes to the kernel.
 */
export class Compiler {
  readonly resources = new Resources();
  /** Why a resource is not in effect, by refKey(). */
  readonly refusals = new Map<string, { ref: ResourceRef; message: string }>();
  readonly #claims: Claims;
  readonly #instances: Instances;
  readonly #underlay: Underlay;
  readonly #taps = new Map<string, Tap>();
  readonly #networks = new Map<string, Tap>();
  #local: LocalEnd;
  readonly #ifindexes: IfindexTable;
  readonly #complete = new Set<string>();
  readonly #members = new Map<string, SwitchMembers>();
  readonly #groupUnits = new Map<string, string[]>();
  /** What the claims of a switch, and those of each of its groups (by unit), were made of. */
  readonly #compiledSwitches = new Map<
    string,
    { resource: LogicalSwitch; datapath: number; hasUnknown: boolean }
  >();
  readonly #compiledGroups = new Map<string, { datapath: number; members: readonly number[] }>();
  /** Of each chassis the tunnels to its addresses; the first is for what asks for no particular one. */
  readonly #tunnels = new Map<string, readonly HeldTunnel[]>();
  readonly #datapathOf: Holdings;
  readonly #portOf: Holdings;
  readonly #tunnelOf: Holdings;
  readonly #elementsOf: Holdings;
  readonly #dirtySwitches = new Set<string>();
  readonly #dirtyChassis = new Set<string>();
  readonly #dirtyPorts = new Set<string>();
  readonly #dirtyGroups = new Set<string>();
  readonly #dirtyLearned = new Set<string>();
  /** Switch whose groups a dirty port was in before the change. */
  readonly #dirtyMembers = new Map<string, string>();
  readonly #localnets = new Localnets();
  readonly #wires: Wires;
  /** Where packets for a port go; of those that somebody may know. */
  readonly #dests = new Map<string, Buffer>();
  /** Ports whose machine has sent its RARP, though the resource does not say so yet. */
  readonly #activated = new Set<string>();
  #foundActive: string[] = [];
  readonly #compiledPorts = new Set<string>();
  #networksTouched = false;
  #tunnelsCompiled = false;
  #changesSeen = 0;

  /** @param isWireThere whether an earlier agent has left a wire of that name into a physical network (see Wires) */
  constructor(
    claims: Claims,
    instances: Instances,
    underlay: Underlay,
    isWireThere?: (wire: string) => boolean,
  ) {
    this.#wires = new Wires(isWireThere);
    this.#claims = claims;
    this.#instances = instances;
    this.#underlay = underlay;
    this.#local = { ...NO_OUTER_SETTINGS, encaps: [], sourceTo: (ip) => underlay.sourceTo(ip) };
    this.#ifindexes = new IfindexTable(claims);
    this.#datapathOf = new Holdings(instances.datapaths);
    this.#portOf = new Holdings(instances.ports);
    this.#tunnelOf = new Holdings(instances.tunnels);
    this.#elementsOf = new Holdings(instances.elements);
  }

  /**
   * Another one that is told all that this one was, at this moment, and has compiled nothing of it: what it makes of it is what
   * a fresh start would. Numbers are those of this one, which are in the maps (see Instances.recover).
   * @returns yields while it is being told, for the event loop to turn
   */
  *fork(claims: Claims): Generator<undefined, Compiler> {
    const wires = this.#wires.further;
    const fork = new Compiler(claims, this.#instances.copy(), this.#underlay, (wire) => wires.has(wire));
    // Resources and taps are replaced, never changed: what is listed here is the state of this moment.
    for (const [name, tap] of this.#taps) fork.#taps.set(name, tap);
    for (const [name, device] of this.#networks) fork.#networks.set(name, device);
    for (const id of this.#activated) fork.#activated.add(id);
    fork.setLocalEncaps(this.#local.encaps, this.#local);
    const all = [...this.resources.all()];
    return yield* fork.#told(all);
  }

  *#told(all: readonly Resource[]): Generator<undefined, Compiler> {
    for (const resource of all) {
      this.put(resource);
      yield;
    }
    return this;
  }

  put(resource: Resource): void {
    this.#touch({ type: typeOf(resource), id: resource.id });
    this.resources.put(resource);
    if (resource.body?.$case === 'logicalPort') this.#wires.set(resource.id, resource.body.value);
    this.#touch({ type: typeOf(resource), id: resource.id });
  }

  remove(ref: ResourceRef): void {
    this.#touch(ref);
    this.resources.delete(ref);
    this.refusals.delete(refKey(ref));
    if (ref.type !== ResourceType.LOGICAL_PORT) return;
    this.#activated.delete(ref.id);
    this.#wires.set(ref.id, undefined);
  }

  #touch({ type, id }: ResourceRef): void {
    if (type === ResourceType.LOGICAL_SWITCH) this.#dirtySwitches.add(id);
    if (type === ResourceType.REMOTE_CHASSIS) this.#dirtyChassis.add(id);
    if (type === ResourceType.LOGICAL_PORT) {
      this.#dirtyPorts.add(id);
      const port = this.resources.ports.get(id);
      // The first since the last compilation counts: that is where it was a member.
      if (port !== undefined && !this.#dirtyMembers.has(id)) this.#dirtyMembers.set(id, port.switchId);
      // Theirs is its key; what was learned of that key follows another port now.
      for (const parent of this.resources.parentsOf(id)) this.#dirtyPorts.add(parent);
      if (port !== undefined) this.#touchLearned(port);
      if (port?.network) this.#networksTouched = true;
    }
    if (type === ResourceType.LEARNED_MAC) this.#dirtyLearned.add(id);
  }

  #touchLearned({ switchId, tunnelKey }: LogicalPort): void {
    for (const id of this.resources.learnedAt(switchId, tunnelKey)) this.#dirtyLearned.add(id);
  }

  /** @param tap undefined: it is gone */
  setTap(ifaceId: string, tap: Tap | undefined): void {
    if (replace(this.#taps, ifaceId, tap)) this.#touchPorts(this.resources.portsAtTap(ifaceId));
  }

  /**
   * @param name of a physical network, or of a further wire into one
   * @param device when it is there and carries the entry program; undefined: the network is not to be had here
   */
  setNetwork(name: string, device: Tap | undefined): void {
    if (replace(this.#networks, name, device)) this.#touchPorts(this.#wires.portsAt(name));
  }

  /** Whether a port is at this physical network, or further wire into one, by it. */
  usesNetwork(name: string): boolean {
    return this.#wires.isUsed(name);
  }

  /** Wires into physical networks that are wanted beside one for each; another object whenever something changed. */
  get furtherWires(): ReadonlyMap<string, FurtherWire> {
    return this.#wires.further;
  }

  /** Wires into physical networks that a port has left since the last call. */
  takeLeftWires(): string[] {
    return this.#wires.takeLeft();
  }

  #touchPorts(ids: Iterable<string>): void {
    for (const id of ids) this.#dirtyPorts.add(id);
  }

  /** Whether ports came, changed or went that are at a physical network, since the last call. */
  takeNetworksTouched(): boolean {
    const touched = this.#networksTouched;
    this.#networksTouched = false;
    return touched;
  }

  /**
   * The machine of a port that waits for it has sent a RARP: it forwards from the next compile() on, and a resource that still
   * says it waits does not close it again.
   * @returns whether it waited
   */
  activate(id: string): boolean {
    const port = this.resources.ports.get(id);
    if (port?.local !== true || !port.awaitsRarp || this.#activated.has(id)) return false;
    this.#activated.add(id);
    this.#dirtyPorts.add(id);
    return true;
  }

  /** Ports that were activated here of which the coordinator has not said that it knows. */
  get activated(): Iterable<string> {
    return this.#activated;
  }

  /** Ports that an agent before this one had activated, of those compiled since the last call. */
  takeFoundActive(): readonly string[] {
    const taken = this.#foundActive;
    if (taken.length > 0) this.#foundActive = [];
    return taken;
  }

  /** The local port of a number, if it is the one with this key: numbers in events may be of ports that are gone. */
  localPortOf(number: number, portKey: number): string | undefined {
    const id = this.#portOf.owner(number);
    return id !== undefined && this.resources.ports.get(id)?.tunnelKey === portKey ? id : undefined;
  }

  setLocalEncaps(encaps: readonly Encap[], outer: OuterSettings = NO_OUTER_SETTINGS): void {
    this.#local = { ...this.#local, ...outer, encaps };
    this.#claims.set('locals', 0, compileLocals(addresses(encaps)));
    for (const id of this.resources.chassis.keys()) this.#dirtyChassis.add(id);
  }

  /** Routes or neighbours changed: asks for the path of each tunnel again. */
  refreshPaths(concerns: (tunnel: Tunnel) => boolean = () => true): void {
    for (const [id, tunnels] of this.#tunnels)
      if (tunnels.some(({ tunnel }) => concerns(tunnel))) this.#dirtyChassis.add(id);
  }

  /** By chassis; the first of each is for what asks for no particular address. */
  get tunnels(): ReadonlyMap<string, readonly HeldTunnel[]> {
    return this.#tunnels;
  }

  datapathNumber(switchId: string): number | undefined {
    return this.#datapathOf.number(switchId);
  }

  /** How many localPorts() gives. */
  get localPortCount(): number {
    let count = 0;
    for (const [id] of this.#portOf.entries()) if (this.resources.ports.get(id)?.local) count++;
    return count;
  }

  /** Ports bound here that can have a device, with or without it. */
  *localPorts(): Generator<LocalPort> {
    for (const [id, number] of this.#portOf.entries()) {
      const resource = this.resources.ports.get(id);
      if (resource?.local) yield { id, number, resource, tap: this.#deviceOf(id, resource) };
    }
  }

  /** Local ports of that name; while one is deleted and added again there may be two. */
  *localPortsNamed(name: string): Generator<LocalPort> {
    for (const id of this.resources.portsNamed(name)) {
      const number = this.#portOf.number(id);
      const resource = this.resources.ports.get(id);
      if (number !== undefined && resource?.local)
        yield { id, number, resource, tap: this.#deviceOf(id, resource) };
    }
  }

  /**
   * Whether a port is here, has its device and may pass packets, as of the last compile(): a tap that came since is not yet
   * in the claims.
   */
  isComplete(id: string): boolean {
    return this.#complete.has(id);
  }

  /** The devices of those ports of a switch that frames may be sent to here, as of the last compile(). */
  *receivers(switchId: string): Generator<{ ifindex: number; vlan: Vlan | undefined }> {
    for (const id of this.resources.portsOf(switchId)) {
      const port = this.resources.ports.get(id)!;
      const waits = port.awaitsRarp && !this.#activated.has(id);
      const tap = this.#complete.has(id) && port.enabled && !waits ? this.#deviceOf(id, port) : undefined;
      if (tap !== undefined) yield { ifindex: tap.ifindex, vlan: vlanOf(port) };
    }
  }

  /** Ports that compile() looked at since the last call, also those that are gone. */
  takeCompiledPorts(): ReadonlySet<string> {
    const taken = new Set(this.#compiledPorts);
    this.#compiledPorts.clear();
    return taken;
  }

  /** Whether compile() looked at a tunnel since the last call. */
  takeTunnelsCompiled(): boolean {
    const compiled = this.#tunnelsCompiled;
    this.#tunnelsCompiled = false;
    return compiled;
  }

  /** Has everything tried again that was refused, if a number was given back meanwhile. @returns whether it was */
  retryRefused(): boolean {
    const changes = this.#instances.all.reduce((sum, numbers) => sum + numbers.changes, 0);
    if (changes === this.#changesSeen || this.refusals.size === 0) return false;
    this.#changesSeen = changes;
    for (const { ref } of this.refusals.values()) this.#touch(ref);
    return true;
  }

  /** Brings the claims up to date. Yields between units, so that the caller can let the event loop turn. */
  *compile(): Generator<undefined> {
    for (const id of drain(this.#dirtySwitches)) yield this.#numberSwitch(id);
    for (const id of drain(this.#dirtyChassis)) yield this.#compileChassis(id);
    // Ports that leave give their numbers back before others come; by which port a switch reaches its physical network
    // concerns all its ports, so that comes before them.
    const gone = [...this.#dirtyPorts].filter((id) => !this.resources.ports.has(id));
    const localnets = [...this.#dirtyPorts].filter((id) => this.resources.ports.get(id)?.type === 'localnet');
    for (const id of [...gone, ...localnets]) if (this.#dirtyPorts.delete(id)) yield this.#compilePort(id);
    for (const id of drain(this.#dirtyPorts)) yield this.#compilePort(id);
    for (const id of drain(this.#dirtyLearned)) yield this.#compileLearned(id);
    for (const id of drain(this.#dirtyGroups)) yield this.#compileSwitch(id);
  }

  #attempt(ref: ResourceRef, action: () => void, otherwise: () => void): undefined {
    try {
      action();
      this.refusals.delete(refKey(ref));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      otherwise();
      this.refusals.set(refKey(ref), { ref, message: error.message });
    }
  }

  #numberSwitch(id: string): undefined {
    const resource = this.resources.switches.get(id);
    const before = this.#datapathOf.number(id);
    const ref = { type: ResourceType.LOGICAL_SWITCH, id };
    this.#dirtyGroups.add(id);
    // Its port's entries depend on its number, its key and its settings.
    for (const port of this.resources.portsOf(id)) this.#dirtyPorts.add(port);
    if (resource === undefined) this.#datapathOf.release(id);
    else {
      this.#attempt(
        ref,
        () => this.#datapathOf.hold(id, `${resource.tunnelKey}`),
        () => this.#datapathOf.release(id),
      );
    }
    if (before === this.#datapathOf.number(id)) return;
    this.#members.delete(id);
    for (const learned of this.resources.learnedIn(id)) this.#dirtyLearned.add(learned);
  }

  #compileChassis(id: string): undefined {
    this.#tunnelsCompiled = true;
    const before = this.#tunnelNumbers(id);
    const remote = this.resources.chassis.get(id);
    const withdraw = () => {
      this.#tunnels.delete(id);
      this.#tunnelOf.release(id);
      this.#claims.set(`tunnel:${id}`, 0, []);
    };
    if (remote === undefined) withdraw();
    else {
      const action = () => {
        const identities = new Set<string>();
        const hold = (identity: string) => {
          identities.add(identity);
          return this.#tunnelOf.holdOneOf(id, identity);
        };
        const entries: Entry[] = [];
        const held = chooseTunnels(this.#local, remote).map((tunnel): HeldTunnel => {
          const identity = tunnelIdentity(tunnel);
          const number = hold(identity);
          const path = this.#underlay.pathOf(tunnel);
          const others = path === undefined ? [] : usableWays(path).slice(1);
          const ways = others.map((_, index) => hold(wayIdentity(identity, index + 1)));
          entries.push(...compileTunnel([number, ...ways], tunnel, path));
          return { tunnel, number };
        });
        this.#tunnelOf.keepOnly(id, identities);
        this.#tunnels.set(id, held);
        this.#claims.set(`tunnel:${id}`, 0, entries);
      };
      this.#attempt({ type: ResourceType.REMOTE_CHASSIS, id }, action, withdraw);
    }
    if (before === this.#tunnelNumbers(id)) return;
    for (const port of this.resources.portsAt(id)) {
      this.#dirtyPorts.add(port);
      this.#dirtyGroups.add(this.resources.ports.get(port)!.switchId);
    }
  }

  /** What the entries of ports at the chassis depend on, as text. */
  #tunnelNumbers(chassis: string): string {
    const tunnels = this.#tunnels.get(chassis) ?? [];
    return tunnels.map(({ tunnel, number }) => `${tunnel.remoteIp}=${number}`).join();
  }

  /** @param ip of the chassis; undefined, or one that it does not have: its first, as ovn-controller does */
  #tunnelTo(chassis: string, ip?: string): number | undefined {
    const tunnels = this.#tunnels.get(chassis) ?? [];
    const wanted = ip === undefined ? undefined : canonicalIp(ip);
    return (tunnels.find(({ tunnel }) => tunnel.remoteIp === wanted) ?? tunnels[0])?.number;
  }

  #compilePort(id: string): undefined {
    this.#compiledPorts.add(id);
    const port = this.resources.ports.get(id);
    const formerSwitch = this.#dirtyMembers.get(id);
    this.#dirtyMembers.delete(id);
    if (formerSwitch !== undefined && formerSwitch !== port?.switchId) this.#leave(formerSwitch, id);
    if (port === undefined) return this.#withdrawPort(id);
    const ref = { type: ResourceType.LOGICAL_PORT, id };
    return this.#attempt(
      ref,
      () => this.#applyPort(id, port),
      () => {
        this.#leave(port.switchId, id);
        this.#withdrawPort(id);
      },
    );
  }

  #applyPort(id: string, port: LogicalPort): void {
    const sw = this.resources.switches.get(port.switchId);
    const datapath = this.#datapathOf.number(port.switchId);
    if (sw === undefined || datapath === undefined) {
      throw new Refused(
        `port ${port.name}: its logical switch ${port.switchId} is not in effect on this chassis`,
      );
    }
    const attachable = port.local && !needsNoDevice(port);
    const number = attachable ? this.#portOf.hold(id, `${datapath}/${port.tunnelKey}`) : undefined;
    if (number === undefined) this.#portOf.release(id);
    const tap = number === undefined ? undefined : this.#deviceOf(id, port);
    const here = tap === undefined ? undefined : number;
    this.#noteLocalnet(id, port, here);
    const localnet = this.#localnets.of(port.switchId);
    const dest = destinationOf(port, {
      datapath,
      port: here,
      localnet,
      tunnelTo: (chassis, ip) => this.#tunnelTo(chassis, ip),
    });
    this.#noteDest(id, port, dest);
    const elements = new Set<string>();
    const entries = compilePort(port, {
      datapath,
      datapathKey: sw.tunnelKey,
      vlanPassthru: sw.vlanPassthru,
      port: number,
      tap,
      dest,
      inactive: this.#isInactive(id, port, number),
      virtual: this.#virtualOf(port),
      element: (owner, element) => {
        const identity = elementIdentity(owner, elementSignature(element));
        elements.add(identity);
        return this.#elementsOf.holdOneOf(id, identity);
      },
    });
    this.#elementsOf.keepOnly(id, elements);
    this.#claims.set(`port:${id}`, datapath, entries);
    this.#claims.set(`tag:${id}`, 0, compileOtherTag(port, tap, number));
    const tagged = vlanOf(port) !== undefined;
    this.#ifindexes.set(id, here === undefined ? undefined : { ifindex: tap!.ifindex, port: here, tagged });
    const present = here !== undefined || needsNoDevice(port);
    if (present && port.failClosed === '') this.#complete.add(id);
    else this.#complete.delete(id);
    const elsewhere = this.#copiesGoTo(port, here, localnet);
    this.#compileCopies(id, port, datapath, here);
    const delivery: Delivery =
      here === undefined ? { chassis: elsewhere } : { port: here, chassis: elsewhere };
    if (this.#membersOf(port.switchId).set(id, port, delivery)) this.#dirtyGroups.add(port.switchId);
  }

  /** The device by which a local port's frames come and go. */
  #deviceOf(id: string, port: LogicalPort): Tap | undefined {
    const place = placeOf(port);
    if (place.kind === 'nowhere') return undefined;
    if (place.kind === 'tap') return this.#taps.get(place.name);
    const wire = this.#wires.of(id);
    return wire === undefined ? undefined : this.#networks.get(wire);
  }

  /** The chassis that get a copy of what is flooded, because of this port. */
  #copiesGoTo(
    port: LogicalPort,
    here: number | undefined,
    localnet: Localnet | undefined,
  ): readonly string[] {
    // The physical network carries it there.
    if (localnet !== undefined || port.type === 'virtual' || port.type === 'external') return [];
    if (isOnSeveral(port)) return chassisOf(port);
    return port.local || here !== undefined ? [] : chassisOf(port);
  }

  #isInactive(id: string, { local, awaitsRarp }: LogicalPort, number: number | undefined): boolean {
    const wasActive = number !== undefined && this.#instances.takeActive(number);
    if (!local || !awaitsRarp) {
      this.#activated.delete(id);
      return false;
    }
    // Before this agent began: the coordinator may not have heard of it.
    if (wasActive && !this.#activated.has(id)) {
      this.#activated.add(id);
      this.#foundActive.push(id);
    }
    return !this.#activated.has(id);
  }

  /** Of virtual ports that are not in this switch nobody may claim the address here. */
  #virtualOf({ virtualAddresses, switchId }: LogicalPort): { ip: Uint8Array; key: number }[] {
    return virtualAddresses.flatMap(({ portId, ip }) => {
      const port = this.resources.ports.get(portId);
      return port?.switchId === switchId ? [{ ip, key: port.tunnelKey }] : [];
    });
  }

  #noteLocalnet(id: string, { type, switchId, tunnelKey: key }: LogicalPort, here: number | undefined): void {
    const localnet = type === 'localnet' && here !== undefined ? { port: here, key } : undefined;
    for (const changed of this.#localnets.set(id, switchId, localnet)) this.#touchBehindWire(changed);
  }

  /** The way to everything that is not here is another now. */
  #touchBehindWire(switchId: string): void {
    this.#touchPorts(this.resources.portsOf(switchId));
    this.#dirtyGroups.add(switchId);
  }

  #noteDest(id: string, port: LogicalPort, dest: Dest | undefined): void {
    const value = dest === undefined ? undefined : iov_destCodec.encode(dest);
    const before = this.#dests.get(id);
    if (value === undefined) this.#dests.delete(id);
    else this.#dests.set(id, value);
    if (before === undefined ? value !== undefined : value === undefined || !before.equals(value)) {
      this.#touchLearned(port);
    }
  }

  /** The group of a port that several chassis have: packets for it go to all of them. */
  #compileCopies(id: string, port: LogicalPort, datapath: number, here: number | undefined): void {
    const several = isOnSeveral(port);
    const tunnels = several
      ? chassisOf(port).flatMap((chassis) => this.#tunnelTo(chassis, port.encapIps[chassis]) ?? [])
      : [];
    const sides = [
      { side: scope.IOV_GROUP_LOCAL, members: several && here !== undefined ? [here] : [] },
      { side: scope.IOV_GROUP_REMOTE, members: [...new Set(tunnels)].sort((a, b) => a - b) },
    ];
    for (const { side, members } of sides) {
      const group = { datapath, group: port.tunnelKey, scope: side };
      const list = members.slice(0, GROUP_MAX_MEMBERS);
      const entries = list.length === 0 ? [] : compileGroup(group, list, this.#generationOf(group, list));
      this.#claims.set(`copies:${id}:${side}`, datapath, entries);
    }
  }

  #generationOf(group: GroupId, members: readonly number[]): number {
    return this.#instances.generations.generationOf(group, members);
  }

  #withdrawPort(id: string): undefined {
    this.#complete.delete(id);
    this.#ifindexes.set(id, undefined);
    this.#claims.set(`port:${id}`, 0, []);
    this.#claims.set(`tag:${id}`, 0, []);
    for (const side of [scope.IOV_GROUP_LOCAL, scope.IOV_GROUP_REMOTE]) {
      this.#claims.set(`copies:${id}:${side}`, 0, []);
    }
    for (const changed of this.#localnets.set(id, undefined, undefined)) this.#touchBehindWire(changed);
    const port = this.resources.ports.get(id);
    if (this.#dests.delete(id) && port !== undefined) this.#touchLearned(port);
    this.#portOf.release(id);
    this.#elementsOf.keepOnly(id, new Set());
  }

  /** A MAC that was seen behind a port leads where the port is. Without the port, or its switch, it leads nowhere. */
  #compileLearned(id: string): undefined {
    const learned = this.resources.learned.get(id);
    const datapath = learned === undefined ? undefined : this.#datapathOf.number(learned.switchId);
    const value = learned === undefined ? undefined : this.#destOfKey(learned);
    if (learned === undefined || datapath === undefined || value === undefined) {
      this.#claims.set(`learned:${id}`, 0, []);
      return;
    }
    const key = iov_fdb_keyCodec.encode({ datapath, mac: Buffer.from(learned.mac) });
    this.#claims.set(`learned:${id}`, datapath, [{ map: 'iov_learned', key, value }]);
  }

  #destOfKey({ switchId, portKey }: LearnedMac): Buffer | undefined {
    const port = this.resources.portWithKey(switchId, portKey);
    return port === undefined ? undefined : this.#dests.get(port);
  }

  #leave(switchId: string, id: string): void {
    if (this.#members.get(switchId)?.remove(id)) this.#dirtyGroups.add(switchId);
  }

  #membersOf(switchId: string): SwitchMembers {
    let members = this.#members.get(switchId);
    if (members === undefined) {
      members = new SwitchMembers();
      this.#members.set(switchId, members);
    }
    return members;
  }

  /** The switch's own entries and its groups; of a port that came or went, the groups that it came into or left. */
  #compileSwitch(id: string): undefined {
    const resource = this.resources.switches.get(id);
    const datapath = this.#datapathOf.number(id);
    const units = new Set<string>();
    if (resource !== undefined && datapath !== undefined) {
      this.refusals.delete(refKey({ type: ResourceType.LOGICAL_SWITCH, id }));
      const members = this.#membersOf(id);
      const unknown = members.of(UNKNOWN, []);
      const hasUnknown = unknown.ports.length + unknown.chassis.length > 0;
      const seen = this.#compiledSwitches.get(id);
      if (seen?.resource !== resource || seen.datapath !== datapath || seen.hasUnknown !== hasUnknown)
        this.#claims.set(`switch:${id}`, datapath, compileSwitch(resource, datapath, hasUnknown));
      this.#compiledSwitches.set(id, { resource, datapath, hasUnknown });
      for (const { name, tunnelKey: group, portIds } of resource.groups) {
        const { ports, chassis } = members.of(name, portIds);
        const tunnels = chassis.flatMap((chassisId) => this.#tunnelTo(chassisId) ?? []);
        const sides = [
          { scope: scope.IOV_GROUP_LOCAL, list: ports },
          { scope: scope.IOV_GROUP_REMOTE, list: [...new Set(tunnels)].sort((a, b) => a - b) },
        ];
        for (const side of sides) units.add(this.#setGroup(id, datapath, group, side.scope, side.list));
      }
    } else {
      this.#claims.set(`switch:${id}`, 0, []);
      this.#compiledSwitches.delete(id);
      this.#members.delete(id);
    }
    for (const unit of this.#groupUnits.get(id) ?? []) {
      if (units.has(unit)) continue;
      this.#claims.set(unit, 0, []);
      this.#compiledGroups.delete(unit);
    }
    if (units.size > 0) this.#groupUnits.set(id, [...units]);
    else this.#groupUnits.delete(id);
  }

  #setGroup(id: string, datapath: number, group: number, side: number, members: readonly number[]): string {
    const unit = `group:${id}:${group}:${side}`;
    const ref = { type: ResourceType.LOGICAL_SWITCH, id };
    if (members.length > GROUP_MAX_MEMBERS) {
      const message = `group ${group} has ${members.length} members; at most ${GROUP_MAX_MEMBERS} are possible`;
      this.refusals.set(refKey(ref), { ref, message });
    }
    const list = members.length > GROUP_MAX_MEMBERS ? members.slice(0, GROUP_MAX_MEMBERS) : members;
    const seen = this.#compiledGroups.get(unit);
    if (seen?.datapath === datapath && sameNumbers(seen.members, list)) return unit;
    this.#compiledGroups.set(unit, { datapath, members: [...list] });
    const groupId = { datapath, group, scope: side };
    const generation = this.#generationOf(groupId, list);
    this.#claims.set(unit, datapath, compileGroup(groupId, list, generation));
    return unit;
  }
}

/** Names a resource in maps of this process. */
export function refKey({ type, id }: ResourceRef): string {
  return `${type}:${id}`;
}

/** What recover() finds again in iov_tunnels. */
export function tunnelIdentity({
  encap,
  localIp,
  remoteIp,
}: Pick<Tunnel, 'encap' | 'localIp' | 'remoteIp'>): string {
  return `${encap}/${localIp}/${remoteIp}`;
}

/** A further next hop of a tunnel. @param way from 1 */
export function wayIdentity(tunnel: string, way: number): string {
  return `${tunnel}/way ${way}`;
}

export function elementIdentity(port: number, signature: string): string {
  return `${port}/${signature}`;
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((number, i) => number === b[i]);
}

function typeOf({ body }: Resource): ResourceType {
  if (body?.$case === 'logicalSwitch') return ResourceType.LOGICAL_SWITCH;
  if (body?.$case === 'remoteChassis') return ResourceType.REMOTE_CHASSIS;
  if (body?.$case === 'learnedMac') return ResourceType.LEARNED_MAC;
  return ResourceType.LOGICAL_PORT;
}

/** @returns whether it is another than before */
function replace(devices: Map<string, Tap>, name: string, device: Tap | undefined): boolean {
  const before = devices.get(name);
  if (before?.ifindex === device?.ifindex && before?.peer === device?.peer) return false;
  if (device === undefined) devices.delete(name);
  else devices.set(name, device);
  return true;
}

function* drain<T>(set: Set<T>): Generator<T> {
  for (const item of set) {
    set.delete(item);
    yield item;
  }
}
