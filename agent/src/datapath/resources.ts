import type {
  LearnedMac,
  LogicalPort,
  LogicalSwitch,
  RemoteChassis,
  Resource,
  ResourceRef,
} from '@iovisor-ovn/proto';
import { ResourceType } from '@iovisor-ovn/proto';
import { chassisOf, placeOf } from './compile/kind.js';

/** A multimap that forgets empty sets. */
class Index {
  readonly #sets = new Map<string, Set<string>>();

  add(key: string, id: string): void {
    const set = this.#sets.get(key);
    if (set === undefined) this.#sets.set(key, new Set([id]));
    else set.add(id);
  }

  delete(key: string, id: string): void {
    const set = this.#sets.get(key);
    set?.delete(id);
    if (set?.size === 0) this.#sets.delete(key);
  }

  get(key: string): Iterable<string> {
    return this.#sets.get(key) ?? [];
  }
}

/** Tunnel keys of ports count within their switch. */
function slotOf(switchId: string, portKey: number): string {
  return `${portKey}/${switchId}`;
}

/** The valid resources the agent holds, with the ways to find those that a change touches. */
export class Resources {
  readonly switches = new Map<string, LogicalSwitch>();
  readonly ports = new Map<string, LogicalPort>();
  readonly chassis = new Map<string, RemoteChassis>();
  readonly learned = new Map<string, LearnedMac>();
  readonly #bySwitch = new Index();
  readonly #byName = new Index();
  readonly #byTap = new Index();
  readonly #byChassis = new Index();
  readonly #byKey = new Index();
  readonly #byVirtual = new Index();
  readonly #learnedByKey = new Index();
  readonly #learnedBySwitch = new Index();

  portsOf(switchId: string): Iterable<string> {
    return this.#bySwitch.get(switchId);
  }

  /** By logical port name; while one is deleted and added again there may be two. */
  portsNamed(name: string): Iterable<string> {
    return this.#byName.get(name);
  }

  /** Ports at the tap of this iface-id: the one of that name (while one is deleted and added again there may be two), and those nested behind it. */
  portsAtTap(ifaceId: string): Iterable<string> {
    return this.#byTap.get(ifaceId);
  }

  /** Ports that this chassis has, alone or with others. */
  portsAt(chassis: string): Iterable<string> {
    return this.#byChassis.get(chassis);
  }

  /** The port with a tunnel key; of several (one leaves while another comes) the same whatever came first. */
  portWithKey(switchId: string, portKey: number): string | undefined {
    return [...this.#byKey.get(slotOf(switchId, portKey))].sort()[0];
  }

  /** Ports that may claim the address of a virtual port. */
  parentsOf(virtualPort: string): Iterable<string> {
    return this.#byVirtual.get(virtualPort);
  }

  /** LearnedMac ids of a port. */
  learnedAt(switchId: string, portKey: number): Iterable<string> {
    return this.#learnedByKey.get(slotOf(switchId, portKey));
  }

  learnedIn(switchId: string): Iterable<string> {
    return this.#learnedBySwitch.get(switchId);
  }

  /** All of them, without their versions. */
  *all(): Generator<Resource> {
    const version = 0n;
    for (const [id, value] of this.switches) yield { id, version, body: { $case: 'logicalSwitch', value } };
    for (const [id, value] of this.chassis) yield { id, version, body: { $case: 'remoteChassis', value } };
    for (const [id, value] of this.ports) yield { id, version, body: { $case: 'logicalPort', value } };
    for (const [id, value] of this.learned) yield { id, version, body: { $case: 'learnedMac', value } };
  }

  put({ id, body }: Resource): void {
    if (body?.$case === 'logicalSwitch') this.switches.set(id, body.value);
    if (body?.$case === 'remoteChassis') this.chassis.set(id, body.value);
    if (body?.$case === 'logicalPort') {
      this.#unindexPort(id);
      this.ports.set(id, body.value);
      this.#indexPort(body.value, (index, key) => index.add(key, id));
    }
    if (body?.$case === 'learnedMac') {
      this.#unindexLearned(id);
      this.learned.set(id, body.value);
      this.#indexLearned(body.value, (index, key) => index.add(key, id));
    }
  }

  delete({ type, id }: ResourceRef): void {
    if (type === ResourceType.LOGICAL_SWITCH) this.switches.delete(id);
    if (type === ResourceType.REMOTE_CHASSIS) this.chassis.delete(id);
    if (type === ResourceType.LOGICAL_PORT) {
      this.#unindexPort(id);
      this.ports.delete(id);
    }
    if (type === ResourceType.LEARNED_MAC) {
      this.#unindexLearned(id);
      this.learned.delete(id);
    }
  }

  #unindexPort(id: string): void {
    const port = this.ports.get(id);
    if (port !== undefined) this.#indexPort(port, (index, key) => index.delete(key, id));
  }

  #indexPort(port: LogicalPort, act: (index: Index, key: string) => void): void {
    const place = placeOf(port);
    act(this.#bySwitch, port.switchId);
    act(this.#byName, port.name);
    if (place.kind === 'tap') act(this.#byTap, place.name);
    for (const chassis of chassisOf(port)) act(this.#byChassis, chassis);
    act(this.#byKey, slotOf(port.switchId, port.tunnelKey));
    for (const { portId } of port.virtualAddresses) act(this.#byVirtual, portId);
  }

  #unindexLearned(id: string): void {
    const learned = this.learned.get(id);
    if (learned !== undefined) this.#indexLearned(learned, (index, key) => index.delete(key, id));
  }

  #indexLearned({ switchId, portKey }: LearnedMac, act: (index: Index, key: string) => void): void {
    act(this.#learnedByKey, slotOf(switchId, portKey));
    act(this.#learnedBySwitch, switchId);
  }
}
