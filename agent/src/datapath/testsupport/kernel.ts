import { once } from 'node:events';
import { join } from 'node:path';
import { ABI_VERSION } from '@iovisor-ovn/iomodules';
import { BpfMap } from '@iovisor-ovn/libbpf';
import type { Resource, ResourceRef } from '@iovisor-ovn/proto';
import type { ExecutionContext } from 'ava';
import { type Link, type Log, Netlink } from '../../netlink/index.js';
import { Machine, mountTestBpffs } from '../../testsupport/namespace.js';
import { iov_portCodec } from '../abi.js';
import type { HookChoice } from '../attach/hooksFor.js';
import type { Change } from '../change.js';
import { Datapath } from '../datapath.js';
import { type ConfigMap, u32 } from '../entry.js';

export const QUIET: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** A datapath on the real kernel, with a BPF file system of its own and machines with real veths. */
export class Kernel {
  readonly netlink: Netlink;
  readonly bpffs: string;
  /** Where this version of the ABI has its pins. */
  readonly versioned: string;
  readonly #unmount: () => void;
  readonly #machines: Machine[] = [];
  #datapath: Datapath | undefined;

  private constructor(netlink: Netlink) {
    this.netlink = netlink;
    const mounted = mountTestBpffs();
    this.bpffs = join(mounted.path, 'iovisor');
    this.versioned = join(this.bpffs, `v${ABI_VERSION}`);
    this.#unmount = mounted.unmount;
  }

  static async open(t: ExecutionContext): Promise<Kernel> {
    const netlink = Netlink.open(QUIET);
    await netlink.start();
    const kernel = new Kernel(netlink);
    t.teardown(() => kernel.#remove());
    return kernel;
  }

  async #remove(): Promise<void> {
    await this.#datapath?.close();
    this.netlink.close();
    for (const machine of this.#machines) machine.remove();
    this.#unmount();
  }

  /** Starts an agent's datapath; an earlier one is closed first, as by the end of its process. */
  async start(
    hook: HookChoice = 'auto',
    maxEntries?: Record<string, number>,
    recheckMs = 0,
    learnedMtuMs?: number,
  ): Promise<Datapath> {
    await this.#datapath?.close();
    this.#datapath = await Datapath.open({
      bpffs: this.bpffs,
      hook,
      netlink: this.netlink,
      log: QUIET,
      maxEntries,
      recheckMs,
      auditShare: 1,
      learnedMtuMs,
    });
    return this.#datapath;
  }

  async stop(): Promise<void> {
    await this.#datapath?.close();
    this.#datapath = undefined;
  }

  async machine(mac: string, address: string): Promise<Machine> {
    const machine = new Machine({ mac, address });
    this.#machines.push(machine);
    await this.link(machine);
    return machine;
  }

  /** The tap's link, once its event has been read. */
  async link({ tap }: Machine): Promise<Link> {
    for (;;) {
      const link = this.netlink.linkByName(tap);
      if (link?.peerInOtherNetns) return link;
      await once(this.netlink, 'link');
    }
  }

  /**
   * Tells the datapath of the machines' taps, as the local database would: name of the port by machine. Resolves when all
   * carry their programs.
   */
  async plug(ports: Record<string, Machine>): Promise<void> {
    const entries = await Promise.all(
      Object.entries(ports).map(async ([name, machine]) => [name, await this.link(machine)] as const),
    );
    this.#datapath!.setDevices(new Set(entries.map(([, { ifindex }]) => ifindex)));
    this.#datapath!.setPlugged(new Map(entries));
    await this.#datapath!.attachments.settled();
  }

  /** Opens a pinned map, whatever this process has of it. */
  read<T>(name: ConfigMap | 'iov_epochs' | 'iov_port_counters', use: (map: BpfMap) => T): T {
    const map = BpfMap.openPinned(join(this.versioned, 'maps', name));
    try {
      return use(map);
    } finally {
      map.close();
    }
  }

  /** What the kernel has of every configuration map: key and value in hex, without zeroes of arrays. */
  contents(...names: ConfigMap[]): string[] {
    return names.flatMap((name) =>
      this.read(name, (map) =>
        [...map.entries()]
          .filter(([, value]) => map.type !== 'array' || value.some((byte) => byte !== 0))
          .map(([key, value]) => `${name} ${key.toString('hex')} ${value.toString('hex')}`)
          .sort(),
      ),
    );
  }

  port(number: number) {
    return this.read('iov_ports', (map) => iov_portCodec.decode(map.lookup(u32(number))!));
  }

  epoch(datapath: number): number {
    return this.read('iov_epochs', (map) => map.lookup(u32(datapath))!.readUInt32LE());
  }
}

/** A full change. */
export function all(...upserts: Resource[]): Change {
  return { upserts, removals: [], full: true };
}

export function more(...upserts: Resource[]): Change {
  return { upserts, removals: [], full: false };
}

export function without(...removals: ResourceRef[]): Change {
  return { upserts: [], removals, full: false };
}
