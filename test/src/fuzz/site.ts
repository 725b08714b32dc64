import type { Chassis } from './chassis.js';
import type { Deviation } from './deviations.js';
import { knownBug } from './knownBugs.js';
import { type NetworkSpec, portNamed } from './network.js';
import { expectation, receiverName } from './oracle.js';
import { frameOf, microflow, type Packet } from './packet.js';
import { frameText } from './receipt.js';
import type { TraceDaemon } from './traceDaemon.js';
import { readTrace } from './traceVerdict.js';

/** A network as it stands in an {@link Arena}. */
interface Standing {
  network: NetworkSpec;
  /** Of its names. */
  prefix: string;
  chassis: readonly Chassis[];
  /** By hypervisor: name of a port → its device. */
  taps: readonly ReadonlyMap<string, number>[];
  daemon: TraceDaemon;
}

/** What the two sides make of a packet. Receipts: "PORT: what it gets", sorted. */
export interface Comparison {
  agree: boolean;
  expected: readonly string[];
  seen: readonly string[];
  /** Drop reasons, by hypervisor: "hv1: portsec_in_mac". */
  reasons: readonly string[];
  because: readonly Deviation[];
  /** They disagree, but it is known why. */
  knownBug?: string;
  /** What ovn-trace printed. */
  trace: string;
}

export class Site {
  readonly #standing: Standing;

  constructor(standing: Standing) {
    this.#standing = standing;
  }

  /** Runs a packet through ovn-trace and through ours. */
  async compare(packet: Packet): Promise<Comparison> {
    const { network, prefix, daemon } = this.#standing;
    const trace = (await daemon.trace(microflow(packet, prefix))).replaceAll(`"${prefix}`, '"');
    const { receipts: expected, because } = expectation(network, packet, readTrace(trace));
    const { receipts: seen, reasons } = this.#run(packet);
    const common = { expected, seen, reasons, because, trace };
    if (expected.join('\n') === seen.join('\n')) return { agree: true, ...common };
    const known = knownBug({ network, packet, seen });
    return known === undefined ? { agree: false, ...common } : { agree: true, knownBug: known, ...common };
  }

  /** Through the sender's hypervisor, and what leaves it through the other one. */
  #run(packet: Packet): { receipts: string[]; reasons: string[] } {
    const { network, chassis, taps } = this.#standing;
    const hv = packet.side ?? portNamed(network, packet.from).hv;
    const [here, there] = [hv - 1, 2 - hv];
    const frame = frameOf(packet);
    const receipts: string[] = [];
    const reasons: string[] = [];
    try {
      const first = chassis[here]!.fromDevice(taps[here]!.get(packet.from)!, frame);
      const runs = [{ side: here, run: first }];
      for (const outer of first.tunnelled) runs.push({ side: there, run: chassis[there]!.fromTunnel(outer) });
      for (const { side, run } of runs) {
        for (const { ifindex, frame: got } of run.local)
          receipts.push(`${this.#portAt(side, ifindex)}: ${frameText(got, frame)}`);
        if (run.reason !== undefined) reasons.push(`hv${side + 1}: ${run.reason}`);
        if (side === there && run.tunnelled.length > 0)
          receipts.push('a packet out of the tunnel goes back into it');
      }
    } catch (error) {
      receipts.push(`the run fails: ${(error as Error).message}`);
    }
    return { receipts: receipts.sort(), reasons };
  }

  #portAt(side: number, ifindex: number): string {
    const { network, taps } = this.#standing;
    for (const [port, device] of taps[side]!)
      if (device === ifindex) return receiverName(portNamed(network, port), side + 1);
    return `device ${ifindex} of hv${side + 1}`;
  }
}
