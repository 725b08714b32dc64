import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ABI_VERSION, type IovMapName, iov_portCodec } from '@iovisor-ovn/iomodules';
import { number32, runPacket } from '@iovisor-ovn/iomodules/testing';
import { BpfMap, BpfProgram } from '@iovisor-ovn/libbpf';
import type { Hypervisor } from '../lab/index.js';
import type { NetnsThread } from './netnsThread.js';
import { type Sent, Sniffer } from './sniffer.js';

/** What one hypervisor made of a packet. */
export interface Run {
  /** Frames for devices of ports. */
  local: Sent[];
  /** Packets for the other hypervisor, outer headers and all. */
  tunnelled: Buffer[];
  /** Why it was dropped, or why the last member of a flood did not get it. */
  reason?: string;
}

/** A hypervisor with its live programs and maps, as its agent has pinned them. */
export class Chassis {
  readonly uplink: number;
  readonly #netns: number;
  readonly #thread: NetnsThread;
  readonly #maps: Record<IovMapName, BpfMap>;
  readonly #entry: BpfProgram;
  readonly #decap: BpfProgram;
  readonly #sniffer: Sniffer;

  private constructor(hypervisor: Hypervisor, thread: NetnsThread, uplink: number) {
    this.#thread = thread;
    this.uplink = uplink;
    this.#netns = thread.open(hypervisor.netns.path);
    const pins = join(hypervisor.bpffs, `v${ABI_VERSION}`);
    const names = readdirSync(join(pins, 'maps')).filter((name) => !name.startsWith('iov_programs'));
    const maps = names.map((name) => [name, BpfMap.openPinned(join(pins, 'maps', name))] as const);
    this.#maps = Object.fromEntries(maps) as Record<IovMapName, BpfMap>;
    this.#entry = BpfProgram.openPinned(join(pins, 'progs', 'iov_entry'));
    this.#decap = BpfProgram.openPinned(join(pins, 'progs', 'iov_uplink'));
    this.#sniffer = thread.within(this.#netns, () => new Sniffer());
  }

  static async open(hypervisor: Hypervisor, thread: NetnsThread): Promise<Chassis> {
    const [link] = JSON.parse(await hypervisor.netns.exec('ip', '-j', 'link', 'show', 'dev', 'uplink'));
    return new Chassis(hypervisor, thread, link.ifindex);
  }

  /** A frame from a machine, at the device of its port. */
  fromDevice(ifindex: number, frame: Buffer): Run {
    return this.#run(this.#entry, ifindex, frame);
  }

  /** A packet from the other hypervisor. */
  fromTunnel(packet: Buffer): Run {
    return this.#run(this.#decap, this.uplink, packet);
  }

  close(): void {
    this.#sniffer.close();
    for (const held of [this.#entry, this.#decap, ...Object.values(this.#maps)]) held.close();
  }

  #run(program: BpfProgram, ifindex: number, frame: Buffer): Run {
    return this.#thread.within(this.#netns, () => {
      this.#sniffer.take();
      const verdict = runPacket(this.#maps, program, frame, { ctx: { ifindex } });
      const sent = this.#sniffer.take();
      if (verdict.action === 'redirect') sent.push(this.#redirected(verdict.port, verdict.packetOut));
      const local = sent.filter((one) => one.ifindex !== this.uplink);
      const tunnelled = sent.filter((one) => one.ifindex === this.uplink && isTunnelled(one.frame));
      const reason = verdict.reason === undefined ? {} : { reason: verdict.reason };
      return { local, tunnelled: tunnelled.map((one) => one.frame), ...reason };
    });
  }

  /** @param port undefined: into the tunnel */
  #redirected(port: number | undefined, frame: Buffer): Sent {
    if (port === undefined) return { ifindex: this.uplink, frame };
    const row = this.#maps.iov_ports.lookup(number32(port));
    return { ifindex: row === undefined ? 0 : iov_portCodec.decode(row).ifindex, frame };
  }
}

const TUNNEL_PORTS = [4789, 6081];

/** The uplink may have other things to say, such as ARP. */
function isTunnelled(frame: Buffer): boolean {
  return (
    frame.length > 50 && frame.readUInt16BE(12) === 0x0800 && TUNNEL_PORTS.includes(frame.readUInt16BE(36))
  );
}
