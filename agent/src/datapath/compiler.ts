import type { Encap, LogicalPort, Resource, ResourceRef } from '@iovisor-ovn/proto';
import { ResourceType } from '@iovisor-ovn/proto';
import { iov_group_scope as scope } from './abi.js';
import { addresses, chooseTunnel } from './chooseTunnel.js';
import type { Claims } from './claims.js';
import { compileGroup, GROUP_MAX_MEMBERS } from './compile/group.js';
import { compilePort, type Tap } from './compile/port.js';
import { elementSignature } from './compile/security.js';
import { compileSwitch, UNKNOWN } from './compile/switch.js';
import { compileLocals, compileTunnel, type Tunnel, type TunnelPath } from './compile/tunnel.js';
import { Holdings } from './holdings.js';
import { IfindexTable } from './ifindexTable.js';
import type { Instances } from './instances.js';
import { type Delivery, SwitchMembers } from './members.js';
import { Refused } from './refused.js';
import { Resources } from './resources.js';

/** A local port, as reports need it. */
export interface LocalPort {
  id: string;
  number: number;
  resource: LogicalPort;
  tap: Tap | undefined;
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
  readonly #pathOf: (tunnel: Tunnel) => TunnelPath | undefined;
  readonly #taps = new Map<string, Tap>();
  #encaps: readonly Encap[] = [];
  readonly #ifindexes: IfindexTable;
  readonly #complete = new Set<string>();
  readonly #members = new Map<string, SwitchMembers>();
  readonly #groupUnits = new Map<string, string[]>();
  readonly #tunnels = new Map<string, { tunnel: Tunnel; number: number }>();
  readonly #datapathOf: Holdings;
  readonly #portOf: Holdings;
  readonly #tunnelOf: Holdings;
  readonly #elementsOf: Holdings;
  readonly #dirtySwitches = new Set<string>();
  readonly #dirtyChassis = new Set<string>();
  readonly #dirtyPorts = new Set<string>();
  readonly #dirtyGroups = new Set<string>();
  /** Switch whose groups a dirty port was in before the change. */
  readonly #dirtyMembers = new Map<string, string>();
  readonly #compiledPorts = new Set<string>();
  #tunnelsCompiled = false;
  #changesSeen = 0;

  constructor(claims: Claims, instances: Instances, pathOf: (tunnel: Tunnel) => TunnelPath | undefined) {
    this.#claims = claims;
    this.#instances = instances;
    this.#pathOf = pathOf;
    this.#ifindexes = new IfindexTable(claims);
    this.#datapathOf = new Holdings(instances.datapaths);
    this.#portOf = new Holdings(instances.ports);
    this.#tunnelOf = new Holdings(instances.tunnels);
    this.#elementsOf = new Holdings(instances.elements);
  }

  put(resource: Resource): void {
    this.#touch({ type: typeOf(resource), id: resource.id });
    this.resources.put(resource);
    this.#touch({ type: typeOf(resource), id: resource.id });
  }

  remove(ref: ResourceRef): void {
    this.#touch(ref);
    this.resources.delete(ref);
    this.refusals.delete(refKey(ref));
  }

  #touch({ type, id }: ResourceRef): void {
    if (type === ResourceType.LOGICAL_SWITCH) this.#dirtySwitches.add(id);
    if (type === ResourceType.REMOTE_CHASSIS) this.#dirtyChassis.add(id);
    if (type === ResourceType.LOGICAL_PORT) {
      this.#dirtyPorts.add(id);
      const port = this.resources.ports.get(id);
      // The first since the last compilation counts: that is where it was a member.
      if (port !== undefined && !this.#dirtyMembers.has(id)) this.#dirtyMembers.set(id, port.switchId);
    }
  }

  /** @param tap undefined: it is gone */
  setTap(ifaceId: string, tap: Tap | undefined): void {
    const before = this.#taps.get(ifaceId);
    if (before?.ifindex === tap?.ifindex && before?.peer === tap?.peer) return;
    if (tap === undefined) this.#taps.delete(ifaceId);
    else this.#taps.set(ifaceId, tap);
    for (const id of this.resources.portsNamed(ifaceId)) this.#dirtyPorts.add(id);
  }

  setLocalEncaps(encaps: readonly Encap[]): void {
    this.#encaps = encaps;
    this.#claims.set('locals', 0, compileLocals(addresses(encaps)));
    for (const id of this.resources.chassis.keys()) this.#dirtyChassis.add(id);
  }

  /** Routes or neighbours changed: asks for the path of each tunnel again. */
  refreshPaths(concerns: (tunnel: Tunnel) => boolean = () => true): void {
    for (const [id, { tunnel }] of this.#tunnels) if (concerns(tunnel)) this.#dirtyChassis.add(id);
  }

  get tunnels(): ReadonlyMap<string, { tunnel: Tunnel; number: number }> {
    return this.#tunnels;
  }

  datapathNumber(switchId: string): number | undefined {
    return this.#datapathOf.number(switchId);
  }

  /** Ports bound here, with or without a device. */
  *localPorts(): Generator<LocalPort> {
    for (const [id, number] of this.#portOf.entries()) {
      const resource = this.resources.ports.get(id);
      if (resource?.local) yield { id, number, resource, tap: this.#taps.get(resource.name) };
    }
  }

  /** Local ports of that name; while one is deleted and added again there may be two. */
  *localPortsNamed(name: string): Generator<LocalPort> {
    for (const id of this.resources.portsNamed(name)) {
      const number = this.#portOf.number(id);
      const resource = this.resources.ports.get(id);
      if (number !== undefined && resource?.local)
        yield { id, number, resource, tap: this.#taps.get(resource.name) };
    }
  }

  /**
   * Whether a port is here, has its device and may pass packets, as of the last compile(): a tap that came since is not yet
   * in the claims.
   */
  isComplete(id: string): boolean {
    return this.#complete.has(id);
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
    // Ports that leave give their numbers back before others come.
    const gone = [...this.#dirtyPorts].filter((id) => !this.resources.ports.has(id));
    for (const id of [...gone, ...this.#dirtyPorts]) {
      if (this.#dirtyPorts.delete(id)) yield this.#compilePort(id);
    }
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
    if (before !== this.#datapathOf.number(id)) this.#members.delete(id);
  }

  #compileChassis(id: string): undefined {
    this.#tunnelsCompiled = true;
    const before = this.#tunnels.get(id)?.number;
    const remote = this.resources.chassis.get(id);
    const withdraw = () => {
      this.#tunnels.delete(id);
      this.#tunnelOf.release(id);
      this.#claims.set(`tunnel:${id}`, 0, []);
    };
    if (remote === undefined) withdraw();
    else {
      const action = () => {
        const tunnel = chooseTunnel(this.#encaps, remote);
        const number = this.#tunnelOf.hold(id, tunnelIdentity(tunnel));
        this.#tunnels.set(id, { tunnel, number });
        this.#claims.set(`tunnel:${id}`, 0, compileTunnel(number, tunnel, this.#pathOf(tunnel)));
      };
      this.#attempt({ type: ResourceType.REMOTE_CHASSIS, id }, action, withdraw);
    }
    if (before === this.#tunnels.get(id)?.number) return;
    for (const port of this.resources.portsAt(id)) {
      this.#dirtyPorts.add(port);
      this.#dirtyGroups.add(this.resources.ports.get(port)!.switchId);
    }
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
    const number = port.local ? this.#portOf.hold(id, `${datapath}/${port.tunnelKey}`) : undefined;
    if (number === undefined) this.#portOf.release(id);
    const tap = port.local ? this.#taps.get(port.name) : undefined;
    const remote = !port.local && port.chassis !== '';
    const elements = new Set<string>();
    const entries = compilePort(port, {
      datapath,
      datapathKey: sw.tunnelKey,
      vlanPassthru: sw.vlanPassthru,
      port: number,
      tap,
      tunnel: remote ? this.#tunnels.get(port.chassis)?.number : undefined,
      element: (owner, element) => {
        const identity = elementIdentity(owner, element.mac, elementSignature(element));
        elements.add(identity);
        return this.#elementsOf.holdOneOf(id, identity);
      },
    });
    this.#elementsOf.keepOnly(id, elements);
    this.#claims.set(`port:${id}`, datapath, entries);
    this.#ifindexes.set(id, tap === undefined ? undefined : { ifindex: tap.ifindex, port: number! });
    if (tap !== undefined && port.failClosed === '') this.#complete.add(id);
    else this.#complete.delete(id);
    const here: Delivery = tap === undefined ? {} : { port: number };
    const delivery = remote ? { chassis: port.chassis } : here;
    if (this.#membersOf(port.switchId).set(id, port, delivery)) this.#dirtyGroups.add(port.switchId);
  }

  #withdrawPort(id: string): undefined {
    this.#complete.delete(id);
    this.#ifindexes.set(id, undefined);
    this.#claims.set(`port:${id}`, 0, []);
    this.#portOf.release(id);
    this.#elementsOf.keepOnly(id, new Set());
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

  /** The switch's own entries and its groups. */
  #compileSwitch(id: string): undefined {
    const resource = this.resources.switches.get(id);
    const datapath = this.#datapathOf.number(id);
    const units = new Set<string>();
    if (resource !== undefined && datapath !== undefined) {
      this.refusals.delete(refKey({ type: ResourceType.LOGICAL_SWITCH, id }));
      const members = this.#membersOf(id);
      const unknown = members.of(UNKNOWN, []);
      const hasUnknown = unknown.ports.length + unknown.chassis.length > 0;
      this.#claims.set(`switch:${id}`, datapath, compileSwitch(resource, datapath, hasUnknown));
      for (const { name, tunnelKey: group, portIds } of resource.groups) {
        const { ports, chassis } = members.of(name, portIds);
        const tunnels = chassis.flatMap((chassisId) => this.#tunnels.get(chassisId)?.number ?? []);
        const sides = [
          { scope: scope.IOV_GROUP_LOCAL, list: ports },
          { scope: scope.IOV_GROUP_REMOTE, list: [...new Set(tunnels)].sort((a, b) => a - b) },
        ];
        for (const side of sides) units.add(this.#setGroup(id, datapath, group, side.scope, side.list));
      }
    } else {
      this.#claims.set(`switch:${id}`, 0, []);
      this.#members.delete(id);
    }
    for (const unit of this.#groupUnits.get(id) ?? []) if (!units.has(unit)) this.#claims.set(unit, 0, []);
    if (units.size > 0) this.#groupUnits.set(id, [...units]);
    else this.#groupUnits.delete(id);
  }

  #setGroup(id: string, datapath: number, group: number, side: number, members: number[]): string {
    const unit = `group:${id}:${group}:${side}`;
    const ref = { type: ResourceType.LOGICAL_SWITCH, id };
    if (members.length > GROUP_MAX_MEMBERS) {
      const message = `group ${group} has ${members.length} members; at most ${GROUP_MAX_MEMBERS} are possible`;
      this.refusals.set(refKey(ref), { ref, message });
    }
    const list = members.slice(0, GROUP_MAX_MEMBERS);
    const groupId = { datapath, group, scope: side };
    const generation = this.#instances.generations.generationOf(groupId, list);
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

export function elementIdentity(port: number, mac: Buffer, signature: string): string {
  return `${port}/${mac.toString('hex')}/${signature}`;
}

function typeOf({ body }: Resource): ResourceType {
  if (body?.$case === 'logicalSwitch') return ResourceType.LOGICAL_SWITCH;
  if (body?.$case === 'remoteChassis') return ResourceType.REMOTE_CHASSIS;
  return ResourceType.LOGICAL_PORT;
}

function* drain<T>(set: Set<T>): Generator<T> {
  for (const item of set) {
    set.delete(item);
    yield item;
  }
}
