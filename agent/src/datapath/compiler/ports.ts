import { type LogicalPort, ResourceType } from '@iovisor-ovn/proto';
import { iov_group_scope as scope } from '../abi.js';
import { destinationOf, type Localnet } from '../compile/destination.js';
import { compileGroup, type Generations, GROUP_MAX_MEMBERS } from '../compile/group.js';
import { chassisOf, isOnSeveral, needsNoDevice, type Vlan, vlanOf } from '../compile/kind.js';
import { compileOtherTag, compilePort, type Tap } from '../compile/port.js';
import { elementSignature } from '../compile/security.js';
import { Holdings } from '../holdings.js';
import { elementIdentity } from '../identities.js';
import { IfindexTable } from '../ifindexTable.js';
import type { Instances } from '../instances.js';
import { Localnets } from '../localnets.js';
import { Refused } from '../refused.js';
import type { Activations } from './activations.js';
import type { ChassisTunnels } from './chassisTunnels.js';
import type { Common } from './common.js';
import type { Devices } from './devices.js';
import type { LearnedMacs } from './learnedMacs.js';
import type { Switches } from './switches.js';

/** A local port, as reports need it. */
export interface LocalPort {
  id: string;
  number: number;
  resource: LogicalPort;
  tap: Tap | undefined;
}

export interface PortsOptions {
  common: Common;
  instances: Instances;
  devices: Devices;
  activations: Activations;
  tunnels: ChassisTunnels;
  switches: Switches;
  learned: LearnedMacs;
}

/** Logical ports: those here with their numbers, and where packets for the others go. */
export class Ports {
  readonly #common: Common;
  readonly #instances: Instances;
  readonly #generations: Generations;
  readonly #devices: Devices;
  readonly #activations: Activations;
  readonly #tunnels: ChassisTunnels;
  readonly #switches: Switches;
  readonly #learned: LearnedMacs;
  readonly #numbers: Holdings;
  readonly #elements: Holdings;
  readonly #ifindexes: IfindexTable;
  readonly #localnets = new Localnets();
  readonly #complete = new Set<string>();
  readonly #compiled = new Set<string>();

  constructor(options: PortsOptions) {
    this.#common = options.common;
    this.#instances = options.instances;
    this.#generations = options.instances.generations;
    this.#devices = options.devices;
    this.#activations = options.activations;
    this.#tunnels = options.tunnels;
    this.#switches = options.switches;
    this.#learned = options.learned;
    this.#numbers = new Holdings(options.instances.ports);
    this.#elements = new Holdings(options.instances.elements);
    this.#ifindexes = new IfindexTable(options.common.claims);
  }

  /** The local port of a number, if it is the one with this key: numbers in events may be of ports that are gone. */
  withNumber(number: number, portKey: number): string | undefined {
    const id = this.#numbers.owner(number);
    return id !== undefined && this.#common.resources.ports.get(id)?.tunnelKey === portKey ? id : undefined;
  }

  /** How many local() gives. */
  get localCount(): number {
    let count = 0;
    for (const [id] of this.#numbers.entries()) if (this.#common.resources.ports.get(id)?.local) count++;
    return count;
  }

  /** Ports bound here that can have a device, with or without it. */
  *local(): Generator<LocalPort> {
    for (const [id, number] of this.#numbers.entries()) yield* this.#localOne(id, number);
  }

  /** Local ports of that name; while one is deleted and added again there may be two. */
  *localNamed(name: string): Generator<LocalPort> {
    for (const id of this.#common.resources.portsNamed(name)) {
      const number = this.#numbers.number(id);
      if (number !== undefined) yield* this.#localOne(id, number);
    }
  }

  *#localOne(id: string, number: number): Generator<LocalPort> {
    const resource = this.#common.resources.ports.get(id);
    if (resource?.local) yield { id, number, resource, tap: this.#devices.of(id, resource) };
  }

  /** Whether a port is here, has its device and may pass packets, as of the last compilation. */
  isComplete(id: string): boolean {
    return this.#complete.has(id);
  }

  /** The devices of those ports of a switch that frames may be sent to here, as of the last compilation. */
  *receivers(switchId: string): Generator<{ ifindex: number; vlan: Vlan | undefined }> {
    for (const id of this.#common.resources.portsOf(switchId)) {
      const port = this.#common.resources.ports.get(id)!;
      const receives = this.#complete.has(id) && port.enabled && !this.#activations.waits(id, port);
      const tap = receives ? this.#devices.of(id, port) : undefined;
      if (tap !== undefined) yield { ifindex: tap.ifindex, vlan: vlanOf(port) };
    }
  }

  /** The devices by which a switch reaches its physical networks from here, as of the last compilation. */
  *localnets(switchId: string): Generator<{ ifindex: number; vlan: Vlan | undefined }> {
    for (const id of this.#localnets.portsOf(switchId)) {
      const port = this.#common.resources.ports.get(id);
      const wire = port && this.#complete.has(id) ? this.#devices.of(id, port) : undefined;
      if (port && wire) yield { ifindex: wire.ifindex, vlan: vlanOf(port) };
    }
  }

  /** Ports that were compiled since the last call, also those that are gone. */
  takeCompiled(): ReadonlySet<string> {
    const taken = new Set(this.#compiled);
    this.#compiled.clear();
    return taken;
  }

  compile(id: string): void {
    const { refusals, resources, work } = this.#common;
    this.#compiled.add(id);
    const port = resources.ports.get(id);
    const formerSwitch = work.takeFormerSwitch(id);
    if (formerSwitch !== undefined && formerSwitch !== port?.switchId) this.#switches.leave(formerSwitch, id);
    if (port === undefined) {
      this.#withdraw(id);
      return;
    }
    refusals.attempt(
      { type: ResourceType.LOGICAL_PORT, id },
      () => this.#apply(id, port),
      () => {
        this.#switches.leave(port.switchId, id);
        this.#withdraw(id);
      },
    );
  }

  #apply(id: string, port: LogicalPort): void {
    const { claims, resources } = this.#common;
    const sw = resources.switches.get(port.switchId);
    const datapath = this.#switches.number(port.switchId);
    if (sw === undefined || datapath === undefined) {
      throw new Refused(
        `port ${port.name}: its logical switch ${port.switchId} is not in effect on this chassis`,
      );
    }
    const attachable = port.local && !needsNoDevice(port);
    const number = attachable ? this.#numbers.hold(id, `${datapath}/${port.tunnelKey}`) : undefined;
    if (number === undefined) this.#numbers.release(id);
    const tap = number === undefined ? undefined : this.#devices.of(id, port);
    const here = tap === undefined ? undefined : number;
    this.#noteLocalnet(id, port, here);
    const localnet = this.#localnets.of(port.switchId);
    const dest = destinationOf(port, {
      datapath,
      port: here,
      localnet,
      tunnelTo: (chassis, ip) => this.#tunnels.to(chassis, ip),
    });
    this.#learned.follow(id, port, dest);
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
        return this.#elements.holdOneOf(id, identity);
      },
    });
    this.#elements.keepOnly(id, elements);
    claims.set(`port:${id}`, datapath, entries);
    claims.set(`tag:${id}`, 0, compileOtherTag(port, tap, number));
    const tagged = vlanOf(port) !== undefined;
    this.#ifindexes.set(id, here === undefined ? undefined : { ifindex: tap!.ifindex, port: here, tagged });
    const present = here !== undefined || needsNoDevice(port);
    if (present && port.failClosed === '') this.#complete.add(id);
    else this.#complete.delete(id);
    this.#claimCopies(id, port, datapath, here);
    const chassis = copiesGoTo(port, here, localnet);
    this.#switches.join(id, port, here === undefined ? { chassis } : { port: here, chassis });
  }

  #isInactive(id: string, port: LogicalPort, number: number | undefined): boolean {
    const wasActive = number !== undefined && this.#instances.takeActive(number);
    return this.#activations.settle(id, port, wasActive);
  }

  /** Of virtual ports that are not in this switch nobody may claim the address here. */
  #virtualOf({ virtualAddresses, switchId }: LogicalPort): { ip: Uint8Array; key: number }[] {
    return virtualAddresses.flatMap(({ portId, ip }) => {
      const port = this.#common.resources.ports.get(portId);
      return port?.switchId === switchId ? [{ ip, key: port.tunnelKey }] : [];
    });
  }

  #noteLocalnet(id: string, { type, switchId, tunnelKey: key }: LogicalPort, here: number | undefined): void {
    const localnet = type === 'localnet' && here !== undefined ? { port: here, key } : undefined;
    this.#setLocalnet(id, switchId, localnet);
  }

  #setLocalnet(id: string, switchId: string | undefined, localnet: Localnet | undefined): void {
    for (const changed of this.#localnets.set(id, switchId, localnet))
      this.#common.work.touchBehindWire(changed);
  }

  /** The group of a port that several chassis have: packets for it go to all of them. */
  #claimCopies(id: string, port: LogicalPort, datapath: number, here: number | undefined): void {
    const several = isOnSeveral(port);
    const ipOf = (chassis: string) => port.encapIps[chassis];
    const sides = [
      { side: scope.IOV_GROUP_LOCAL, members: several && here !== undefined ? [here] : [] },
      { side: scope.IOV_GROUP_REMOTE, members: several ? this.#tunnels.toEach(chassisOf(port), ipOf) : [] },
    ];
    for (const { side, members } of sides) {
      const group = { datapath, group: port.tunnelKey, scope: side };
      const list = members.slice(0, GROUP_MAX_MEMBERS);
      const entries =
        list.length === 0 ? [] : compileGroup(group, list, this.#generations.generationOf(group, list));
      this.#common.claims.set(`copies:${id}:${side}`, datapath, entries);
    }
  }

  #withdraw(id: string): void {
    const { claims, resources } = this.#common;
    this.#complete.delete(id);
    this.#ifindexes.set(id, undefined);
    claims.set(`port:${id}`, 0, []);
    claims.set(`tag:${id}`, 0, []);
    for (const side of [scope.IOV_GROUP_LOCAL, scope.IOV_GROUP_REMOTE])
      claims.set(`copies:${id}:${side}`, 0, []);
    this.#setLocalnet(id, undefined, undefined);
    this.#learned.leave(id, resources.ports.get(id));
    this.#numbers.release(id);
    this.#elements.keepOnly(id, new Set());
  }
}

/** The chassis that get a copy of what is flooded, because of this port. */
function copiesGoTo(
  port: LogicalPort,
  here: number | undefined,
  localnet: Localnet | undefined,
): readonly string[] {
  // The physical network carries it there.
  if (localnet !== undefined || port.type === 'virtual' || port.type === 'external') return [];
  if (isOnSeveral(port)) return chassisOf(port);
  return port.local || here !== undefined ? [] : chassisOf(port);
}
