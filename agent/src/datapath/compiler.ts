import { type Encap, type Resource, type ResourceRef, ResourceType } from '@iovisor-ovn/proto';
import { NO_OUTER_SETTINGS, type OuterSettings } from './chooseTunnel.js';
import type { Claims } from './claims.js';
import type { Vlan } from './compile/kind.js';
import type { Tap } from './compile/port.js';
import type { Tunnel } from './compile/tunnelFacts.js';
import { Activations } from './compiler/activations.js';
import { ChassisTunnels, type HeldTunnel, type Underlay } from './compiler/chassisTunnels.js';
import { Devices } from './compiler/devices.js';
import { LearnedMacs } from './compiler/learnedMacs.js';
import { type LocalPort, Ports } from './compiler/ports.js';
import { Refusals, type RefusedResource } from './compiler/refusals.js';
import { Switches } from './compiler/switches.js';
import { drain, Work } from './compiler/work.js';
import type { Instances } from './instances.js';
import { Resources } from './resources.js';
import { resourceType } from './validate.js';
import { type FurtherWire, Wires } from './wires.js';

/**
 * Turns resources and local facts (taps, tunnel addresses, routes) into wanted map entries, recompiling only what a
 * change touches. Call the setters, then drain compile(); nothing here writes to the kernel.
 */
export class Compiler {
  readonly resources = new Resources();
  readonly #refusals = new Refusals();
  readonly #work = new Work(this.resources);
  readonly #activations = new Activations();
  readonly #instances: Instances;
  readonly #underlay: Underlay;
  readonly #devices: Devices;
  readonly #tunnels: ChassisTunnels;
  readonly #switches: Switches;
  readonly #learned: LearnedMacs;
  readonly #ports: Ports;
  #changesSeen = 0;

  /** @param isWireThere whether an earlier agent has left a wire of that name into a physical network (see Wires) */
  constructor(
    claims: Claims,
    instances: Instances,
    underlay: Underlay,
    isWireThere?: (wire: string) => boolean,
  ) {
    const common = { resources: this.resources, claims, refusals: this.#refusals, work: this.#work };
    const { generations } = instances;
    this.#instances = instances;
    this.#underlay = underlay;
    this.#devices = new Devices(new Wires(isWireThere));
    this.#tunnels = new ChassisTunnels(common, instances.tunnels, underlay);
    this.#switches = new Switches({
      common,
      numbers: instances.datapaths,
      generations,
      tunnels: this.#tunnels,
    });
    this.#learned = new LearnedMacs(common, (switchId) => this.#switches.number(switchId));
    this.#ports = new Ports({
      common,
      instances,
      devices: this.#devices,
      activations: this.#activations,
      tunnels: this.#tunnels,
      switches: this.#switches,
      learned: this.#learned,
    });
  }

  /** Why a resource is not in effect, by refKey(). */
  get refusals(): ReadonlyMap<string, RefusedResource> {
    return this.#refusals.all;
  }

  /**
   * Another one that is told all that this one was, at this moment, and has compiled nothing of it: what it makes of it is what
   * a fresh start would. Numbers are those of this one, which are in the maps (see Instances.recover).
   * @returns yields while it is being told, for the event loop to turn
   */
  *fork(claims: Claims): Generator<undefined, Compiler> {
    const wires = this.furtherWires;
    const fork = new Compiler(claims, this.#instances.copy(), this.#underlay, (wire) => wires.has(wire));
    // Resources and taps are replaced, never changed: what is listed here is the state of this moment.
    fork.#devices.adopt(this.#devices);
    fork.#activations.adopt(this.#activations);
    fork.setLocalEncaps(this.#tunnels.local.encaps, this.#tunnels.local);
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
    const { id, body } = resource;
    const ref = { type: resourceType(resource), id };
    this.#work.touch(ref);
    this.resources.put(resource);
    if (body?.$case === 'logicalPort') this.#devices.wires.set(id, body.value);
    this.#work.touch(ref);
  }

  remove(ref: ResourceRef): void {
    this.#work.touch(ref);
    this.resources.delete(ref);
    this.#refusals.delete(ref);
    if (ref.type !== ResourceType.LOGICAL_PORT) return;
    this.#activations.forget(ref.id);
    this.#devices.wires.set(ref.id, undefined);
  }

  /** @param tap undefined: it is gone */
  setTap(ifaceId: string, tap: Tap | undefined): void {
    if (this.#devices.setTap(ifaceId, tap)) this.#work.touchPorts(this.resources.portsAtTap(ifaceId));
  }

  /**
   * @param name of a physical network, or of a further wire into one
   * @param device when it is there and carries the entry program; undefined: the network is not to be had here
   */
  setNetwork(name: string, device: Tap | undefined): void {
    if (this.#devices.setNetwork(name, device)) this.#work.touchPorts(this.#devices.wires.portsAt(name));
  }

  /** Whether a port is at this physical network, or further wire into one, by it. */
  usesNetwork(name: string): boolean {
    return this.#devices.wires.isUsed(name);
  }

  /** Wires into physical networks that are wanted beside one for each; another object whenever something changed. */
  get furtherWires(): ReadonlyMap<string, FurtherWire> {
    return this.#devices.wires.further;
  }

  /** Wires into physical networks that a port has left since the last call. */
  takeLeftWires(): string[] {
    return this.#devices.wires.takeLeft();
  }

  /** Whether ports came, changed or went that are at a physical network, since the last call. */
  takeNetworksTouched(): boolean {
    return this.#work.takeNetworksTouched();
  }

  /**
   * The machine of a port that waits for it has sent a RARP: it forwards from the next compile() on, and a resource that still
   * says it waits does not close it again.
   * @returns whether it waited
   */
  activate(id: string): boolean {
    const waited = this.#activations.activate(id, this.resources.ports.get(id));
    if (waited) this.#work.ports.add(id);
    return waited;
  }

  /** Ports that were activated here of which the coordinator has not said that it knows. */
  get activated(): Iterable<string> {
    return this.#activations.all;
  }

  /** Ports that an agent before this one had activated, of those compiled since the last call. */
  takeFoundActive(): readonly string[] {
    return this.#activations.takeFound();
  }

  /** The local port of a number, if it is the one with this key: numbers in events may be of ports that are gone. */
  localPortOf(number: number, portKey: number): string | undefined {
    return this.#ports.withNumber(number, portKey);
  }

  setLocalEncaps(encaps: readonly Encap[], outer: OuterSettings = NO_OUTER_SETTINGS): void {
    this.#tunnels.setLocal(encaps, outer);
  }

  /** Routes or neighbours changed: asks for the path of each tunnel again. */
  refreshPaths(concerns: (tunnel: Tunnel) => boolean = () => true): void {
    this.#tunnels.refresh(concerns);
  }

  /** By chassis; the first of each is for what asks for no particular address. */
  get tunnels(): ReadonlyMap<string, readonly HeldTunnel[]> {
    return this.#tunnels.all;
  }

  /** The tunnel of a number, of those that packets are sent by. */
  tunnelOf(wanted: number): Tunnel | undefined {
    for (const tunnels of this.#tunnels.all.values())
      for (const { tunnel, number } of tunnels) if (number === wanted) return tunnel;
    return undefined;
  }

  datapathNumber(switchId: string): number | undefined {
    return this.#switches.number(switchId);
  }

  /** How many localPorts() gives. */
  get localPortCount(): number {
    return this.#ports.localCount;
  }

  /** Ports bound here that can have a device, with or without it. */
  localPorts(): Generator<LocalPort> {
    return this.#ports.local();
  }

  /** Local ports of that name; while one is deleted and added again there may be two. */
  localPortsNamed(name: string): Generator<LocalPort> {
    return this.#ports.localNamed(name);
  }

  /**
   * Whether a port is here, has its device and may pass packets, as of the last compile(): a tap that came since is not yet
   * in the claims.
   */
  isComplete(id: string): boolean {
    return this.#ports.isComplete(id);
  }

  /** The devices of those ports of a switch that frames may be sent to here, as of the last compile(). */
  receivers(switchId: string): Generator<{ ifindex: number; vlan: Vlan | undefined }> {
    return this.#ports.receivers(switchId);
  }

  /** The devices by which a switch reaches its physical networks from here. */
  localnets(switchId: string): Generator<{ ifindex: number; vlan: Vlan | undefined }> {
    return this.#ports.localnets(switchId);
  }

  /** Ports that compile() looked at since the last call, also those that are gone. */
  takeCompiledPorts(): ReadonlySet<string> {
    return this.#ports.takeCompiled();
  }

  /** Whether compile() looked at a tunnel since the last call. */
  takeTunnelsCompiled(): boolean {
    return this.#tunnels.takeCompiled();
  }

  /** Has everything tried again that was refused, if a number was given back meanwhile. @returns whether it was */
  retryRefused(): boolean {
    const changes = this.#instances.all.reduce((sum, numbers) => sum + numbers.changes, 0);
    if (changes === this.#changesSeen || this.refusals.size === 0) return false;
    this.#changesSeen = changes;
    for (const { ref } of this.refusals.values()) this.#work.touch(ref);
    return true;
  }

  /** Brings the claims up to date. Yields between units, so that the caller can let the event loop turn. */
  *compile(): Generator<undefined> {
    const { switches, chassis, ports, learned, groups } = this.#work;
    yield* each(drain(switches), (id) => this.#switches.assign(id));
    yield* each(drain(chassis), (id) => this.#tunnels.compile(id));
    // Ports that leave give their numbers back before others come; by which port a switch reaches its physical network
    // concerns all its ports, so that comes before them.
    const compilePort = (id: string) => this.#ports.compile(id);
    const gone = [...ports].filter((id) => !this.resources.ports.has(id));
    const localnets = [...ports].filter((id) => this.resources.ports.get(id)?.type === 'localnet');
    yield* each(drain(ports, [...gone, ...localnets]), compilePort);
    yield* each(drain(ports), compilePort);
    yield* each(drain(learned), (id) => this.#learned.compile(id));
    yield* each(drain(groups), (id) => this.#switches.compile(id));
  }
}

function* each<T>(units: Iterable<T>, action: (unit: T) => void): Generator<undefined> {
  for (const unit of units) {
    action(unit);
    yield;
  }
}
