import type { LogicalPort, LogicalSwitch, RemoteChassis, Resource, ResourceRef } from '@iovisor-ovn/proto';
import { ResourceType } from '@iovisor-ovn/proto';

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

/** The valid resources the agent holds, with the ways to find those that a change touches. */
export class Resources {
  readonly switches = new Map<string, LogicalSwitch>();
  readonly ports = new Map<string, LogicalPort>();
  readonly chassis = new Map<string, RemoteChassis>();
  readonly #bySwitch = new Index();
  readonly #byName = new Index();
  readonly #byChassis = new Index();

  portsOf(switchId: string): Iterable<string> {
    return this.#bySwitch.get(switchId);
  }

  /** By logical port name; while one is deleted and added again there may be two. */
  portsNamed(name: string): Iterable<string> {
    return this.#byName.get(name);
  }

  portsAt(chassis: string): Iterable<string> {
    return this.#byChassis.get(chassis);
  }

  put({ id, body }: Resource): void {
    if (body?.$case === 'logicalSwitch') this.switches.set(id, body.value);
    if (body?.$case === 'remoteChassis') this.chassis.set(id, body.value);
    if (body?.$case === 'logicalPort') {
      this.#unindex(id);
      this.ports.set(id, body.value);
      this.#bySwitch.add(body.value.switchId, id);
      this.#byName.add(body.value.name, id);
      this.#byChassis.add(body.value.chassis, id);
    }
  }

  delete({ type, id }: ResourceRef): void {
    if (type === ResourceType.LOGICAL_SWITCH) this.switches.delete(id);
    if (type === ResourceType.REMOTE_CHASSIS) this.chassis.delete(id);
    if (type === ResourceType.LOGICAL_PORT) {
      this.#unindex(id);
      this.ports.delete(id);
    }
  }

  #unindex(id: string): void {
    const port = this.ports.get(id);
    if (port === undefined) return;
    this.#bySwitch.delete(port.switchId, id);
    this.#byName.delete(port.name, id);
    this.#byChassis.delete(port.chassis, id);
  }
}
