import type { LogicalPort } from '@iovisor-ovn/proto';
import { placeOf } from '../compile/kind.js';
import type { Tap } from '../compile/port.js';
import type { Wires } from '../wires.js';

/** The devices by which frames of local ports come and go: taps, and wires into physical networks. */
export class Devices {
  readonly wires: Wires;
  readonly #taps = new Map<string, Tap>();
  readonly #networks = new Map<string, Tap>();

  constructor(wires: Wires) {
    this.wires = wires;
  }

  /** @returns whether it is another than before */
  setTap(ifaceId: string, tap: Tap | undefined): boolean {
    return replace(this.#taps, ifaceId, tap);
  }

  /**
   * @param name of a physical network, or of a further wire into one
   * @returns whether it is another than before
   */
  setNetwork(name: string, device: Tap | undefined): boolean {
    return replace(this.#networks, name, device);
  }

  /** Those that another one has at this moment. */
  adopt(other: Devices): void {
    for (const [name, tap] of other.#taps) this.#taps.set(name, tap);
    for (const [name, device] of other.#networks) this.#networks.set(name, device);
  }

  /** Of a port; undefined: it has none, or not now. */
  of(id: string, port: LogicalPort): Tap | undefined {
    const place = placeOf(port);
    if (place.kind === 'nowhere') return undefined;
    if (place.kind === 'tap') return this.#taps.get(place.name);
    const wire = this.wires.of(id);
    return wire === undefined ? undefined : this.#networks.get(wire);
  }
}

function replace(devices: Map<string, Tap>, name: string, device: Tap | undefined): boolean {
  const before = devices.get(name);
  if (before?.ifindex === device?.ifindex && before?.peer === device?.peer) return false;
  if (device === undefined) devices.delete(name);
  else devices.set(name, device);
  return true;
}
