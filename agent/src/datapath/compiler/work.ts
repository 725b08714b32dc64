import { type LogicalPort, type ResourceRef, ResourceType } from '@iovisor-ovn/proto';
import type { Resources } from '../resources.js';

/** Which units are to be compiled (again). */
export class Work {
  /** Logical switches whose number is to be looked at. */
  readonly switches = new Set<string>();
  readonly chassis = new Set<string>();
  readonly ports = new Set<string>();
  readonly learned = new Set<string>();
  /** Logical switches whose own entries and groups are to be made. */
  readonly groups = new Set<string>();
  readonly #resources: Resources;
  /** Switch whose groups a port was in before the change. */
  readonly #formerSwitches = new Map<string, string>();
  #networksTouched = false;

  constructor(resources: Resources) {
    this.#resources = resources;
  }

  /** To be called before a resource changes and after it: what it was concerns others as well as what it is. */
  touch({ type, id }: ResourceRef): void {
    if (type === ResourceType.LOGICAL_SWITCH) this.switches.add(id);
    if (type === ResourceType.REMOTE_CHASSIS) this.chassis.add(id);
    if (type === ResourceType.LOGICAL_PORT) this.#touchPort(id);
    if (type === ResourceType.LEARNED_MAC) this.learned.add(id);
  }

  #touchPort(id: string): void {
    this.ports.add(id);
    const port = this.#resources.ports.get(id);
    // The first since the last compilation counts: that is where it was a member.
    if (port !== undefined && !this.#formerSwitches.has(id)) this.#formerSwitches.set(id, port.switchId);
    // Theirs is its key; what was learned of that key follows another port now.
    this.touchPorts(this.#resources.parentsOf(id));
    if (port !== undefined) this.touchLearnedAt(port);
    if (port?.network) this.#networksTouched = true;
  }

  touchPorts(ids: Iterable<string>): void {
    for (const id of ids) this.ports.add(id);
  }

  /** What was learned behind a port follows it. */
  touchLearnedAt({ switchId, tunnelKey }: LogicalPort): void {
    for (const id of this.#resources.learnedAt(switchId, tunnelKey)) this.learned.add(id);
  }

  /** The way to everything in the switch that is not here is another now. */
  touchBehindWire(switchId: string): void {
    this.touchPorts(this.#resources.portsOf(switchId));
    this.groups.add(switchId);
  }

  /** Where a port was a member before it changed; undefined: nowhere. */
  takeFormerSwitch(portId: string): string | undefined {
    const former = this.#formerSwitches.get(portId);
    this.#formerSwitches.delete(portId);
    return former;
  }

  /** Whether ports came, changed or went that are at a physical network, since the last call. */
  takeNetworksTouched(): boolean {
    const touched = this.#networksTouched;
    this.#networksTouched = false;
    return touched;
  }
}

/**
 * Takes one after the other out of a set.
 * @param these of it; otherwise all, also what is added meanwhile
 */
export function* drain<T>(set: Set<T>, these: Iterable<T> = set): Generator<T> {
  for (const item of these) if (set.delete(item)) yield item;
}
