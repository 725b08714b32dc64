import type { Localnet } from './compile/destination.js';

/** By which localnet port each switch reaches its physical network from here. */
export class Localnets {
  readonly #bySwitch = new Map<string, Map<string, Localnet>>();
  readonly #switchOf = new Map<string, string>();

  /** Of several the one with the smallest id, whatever came first. */
  of(switchId: string): Localnet | undefined {
    return chosen(this.#bySwitch.get(switchId));
  }

  /** Ids of all localnet ports by which it does. */
  portsOf(switchId: string): Iterable<string> {
    return this.#bySwitch.get(switchId)?.keys() ?? [];
  }

  /**
   * @param localnet undefined: the port is none, or its physical network is not to be had here
   * @returns switches that have another one now
   */
  set(portId: string, switchId: string | undefined, localnet: Localnet | undefined): string[] {
    const former = this.#switchOf.get(portId);
    const concerned = [...new Set([former, switchId].filter((id) => id !== undefined))];
    if (former === undefined && localnet === undefined) return [];
    const before = concerned.map((id) => this.of(id));
    if (former !== undefined) this.#delete(former, portId);
    if (switchId !== undefined && localnet !== undefined) {
      const ports = this.#bySwitch.get(switchId) ?? new Map<string, Localnet>();
      this.#bySwitch.set(switchId, ports.set(portId, localnet));
      this.#switchOf.set(portId, switchId);
    }
    return concerned.filter((id, index) => !same(before[index], this.of(id)));
  }

  #delete(switchId: string, portId: string): void {
    this.#switchOf.delete(portId);
    const ports = this.#bySwitch.get(switchId);
    ports?.delete(portId);
    if (ports?.size === 0) this.#bySwitch.delete(switchId);
  }
}

function chosen(ports: ReadonlyMap<string, Localnet> | undefined): Localnet | undefined {
  const [first] = [...(ports?.keys() ?? [])].sort();
  return first === undefined ? undefined : ports!.get(first);
}

function same(a: Localnet | undefined, b: Localnet | undefined): boolean {
  return a?.port === b?.port && a?.key === b?.key;
}
