import type { Netlink } from '../netlink/index.js';
import type { Attachments } from './attach/attachments.js';
import type { EntryDevices } from './attach/entryDevices.js';
import type { Compiler } from './compiler.js';

export interface NetworksOptions {
  compiler: Compiler;
  attachments: Pick<Attachments, 'isAttached'>;
  entryDevices: Pick<EntryDevices, 'setNetworks'>;
  links: Netlink['links'];
}

/**
 * The devices of physical networks (ovn-bridge-mappings), and of further wires into them. One carries the entry program only while a port is at its network:
 * what no port needs is left to the host.
 */
export class Networks {
  readonly #options: NetworksOptions;
  #devices: ReadonlyMap<string, number> = new Map();
  /** Until the ports are known, what an earlier agent attached stays. */
  #portsKnown = false;

  constructor(options: NetworksOptions) {
    this.#options = options;
  }

  /** @param devices ifindex by the name of the network or the further wire: those whose device exists */
  set(devices: ReadonlyMap<string, number>): void {
    const before = this.#devices;
    this.#devices = new Map(devices);
    for (const name of before.keys())
      if (!devices.has(name)) this.#options.compiler.setNetwork(name, undefined);
    this.sync();
  }

  /** Whether a network or a further wire of this name is to be had. */
  hasNamed(name: string): boolean {
    return this.#devices.has(name);
  }

  /** All ports are known from now on. */
  portsAreKnown(): void {
    if (this.#portsKnown) return;
    this.#portsKnown = true;
    this.sync();
  }

  has(ifindex: number): boolean {
    for (const device of this.#devices.values()) if (device === ifindex) return true;
    return false;
  }

  /** Ports at networks, or devices, are others than before. */
  sync(): void {
    const { compiler, attachments, entryDevices, links } = this.#options;
    const needed = [...this.#devices].filter(
      ([name, ifindex]) =>
        compiler.usesNetwork(name) || (!this.#portsKnown && attachments.isAttached('entry', ifindex)),
    );
    entryDevices.setNetworks(new Set(needed.map(([, ifindex]) => ifindex)));
    for (const [name, ifindex] of this.#devices) {
      const usable = links.has(ifindex) && attachments.isAttached('entry', ifindex);
      // The machines behind it are not ours to hand packets to: they go out by the device.
      compiler.setNetwork(name, usable ? { ifindex, peer: false } : undefined);
    }
  }
}
