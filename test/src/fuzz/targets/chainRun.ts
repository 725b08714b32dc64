import { iov_drop, type iov_packet, iov_packetCodec } from '@iovisor-ovn/iomodules';
import { type Lab, number32 } from '@iovisor-ovn/iomodules/testing';

/** What became of a packet that went into the chain. */
export interface ChainVerdict {
  retval: number;
  out: Buffer;
  scratch: iov_packet;
  /** Packets counted as dropped, by reason. */
  drops: number[];
}

const zero = number32(0);
const cpuBytes = 8;

/** Runs packets through the chain as they come in a kernel: with what the last packet of the CPU left in the scratch. */
export class ChainRunner {
  readonly #lab: Lab;
  #before: bigint[];

  constructor(lab: Lab) {
    this.#lab = lab;
    this.#before = this.#drops();
  }

  /** `ifindex`: the device of the port it comes from; 0: from the underlay. `left`: what is in the scratch before. */
  run(data: Buffer, ifindex: number, left: Buffer): ChainVerdict {
    const { maps, modules } = this.#lab;
    maps.iov_scratch.update(zero, left);
    const program = ifindex === 0 ? modules.uplink : modules.entry;
    const ctx = ifindex === 0 ? undefined : { ifindex };
    const { retval, data: out } = program.testRun({ data, ctx });
    const after = this.#drops();
    const drops = after.map((count, reason) => Number(count - this.#before[reason]!));
    this.#before = after;
    return { retval, out, drops, scratch: this.#scratch(left) };
  }

  #scratch(left: Buffer): iov_packet {
    const all = this.#lab.maps.iov_scratch.lookupPerCpu(zero) ?? [];
    const used = all.find((cpu) => !cpu.subarray(0, left.length).equals(left)) ?? all[0]!;
    return iov_packetCodec.decode(used);
  }

  /** All reasons in one system call. */
  #drops(): bigint[] {
    const counts = Array.from({ length: iov_drop.IOV_DROP_COUNT }, () => 0n);
    for (const [key, value] of this.#lab.maps.iov_drops.entries()) {
      const reason = key.readUInt32LE();
      for (let at = 0; at < value.length; at += cpuBytes) counts[reason]! += value.readBigUInt64LE(at);
    }
    return counts;
  }
}
