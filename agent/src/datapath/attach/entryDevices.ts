import type { Attachments } from './attachments.js';

/** How a set of devices changes: those removed first. */
export interface DeviceChange {
  added: readonly number[];
  removed: readonly number[];
}

/** Devices that carry the entry program: those of the integration bridge, and those of physical networks. */
export class EntryDevices {
  readonly #attachments: Pick<Attachments, 'set' | 'change'>;
  #bridge = new Set<number>();
  #networks: ReadonlySet<number> = new Set();

  constructor(attachments: Pick<Attachments, 'set' | 'change'>) {
    this.#attachments = attachments;
  }

  /** All devices of the integration bridge. What carries the program and is neither here nor of a network loses it. */
  setBridge(devices: ReadonlySet<number>): void {
    this.#bridge = new Set(devices);
    this.#attachments.set('entry', new Set([...devices, ...this.#networks]));
  }

  /** An ifindex in both lists is another device than before. */
  changeBridge({ added, removed }: DeviceChange): void {
    for (const ifindex of removed) this.#bridge.delete(ifindex);
    for (const ifindex of added) this.#bridge.add(ifindex);
    const gone = removed.filter((ifindex) => this.#bridge.has(ifindex) || !this.#networks.has(ifindex));
    this.#attachments.change('entry', { added, removed: gone });
  }

  /** All devices of physical networks that are in use. */
  setNetworks(devices: ReadonlySet<number>): void {
    const before = this.#networks;
    this.#networks = devices;
    const added = [...devices].filter((ifindex) => !before.has(ifindex) && !this.#bridge.has(ifindex));
    const removed = [...before].filter((ifindex) => !devices.has(ifindex) && !this.#bridge.has(ifindex));
    if (added.length + removed.length > 0) this.#attachments.change('entry', { added, removed });
  }
}
