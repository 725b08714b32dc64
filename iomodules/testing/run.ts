import type { BpfMap, BpfProgram, SkBuffFields } from '@iovisor-ovn/libbpf';
import { dropReasons } from '../drops.js';
import { iov_drop, type iov_packet, iov_packetCodec } from '../gen/abi.js';
import type { IovMapName } from '../shared-maps.js';
import { number32 } from './key.js';

export interface RunOptions {
  /** Metadata of the packet, for example gso_size. */
  ctx?: Partial<SkBuffFields>;
}

/** What became of a packet. */
export interface Verdict {
  /**
   * `flood`: copies went out (scratch.copies) and the original ended. `pass`: not ours, the host's stack gets it.
   * `answer`: dropped and counted, and the sender is told so: packetOut goes to its port.
   */
  action: 'redirect' | 'flood' | 'drop' | 'pass' | 'answer';
  /** Local port it was redirected to. */
  port?: number;
  /** Tunnel it was redirected to. */
  tunnel?: number;
  /** Name of the drop reason; of a flood, why the last member that did not get it did not. */
  reason?: string;
  packetOut: Buffer;
  /** iov_scratch afterwards; of a packet that passed it says nothing. */
  scratch: iov_packet;
}

const TC_ACT_UNSPEC = -1;
const TC_ACT_SHOT = 2;
const TC_ACT_REDIRECT = 7;

type Maps = Readonly<Record<IovMapName, BpfMap>>;

/**
 * Runs a frame through an entry program and everything behind it.
 * @throws Error if a packet ended without being counted as dropped, or was counted though it went on
 */
export function runPacket(maps: Maps, program: BpfProgram, data: Buffer, { ctx }: RunOptions): Verdict {
  maps.iov_scratch.update(number32(0), Buffer.alloc(iov_packetCodec.size));
  const before = dropCounters(maps);
  const { retval, data: packetOut } = program.testRun({ data, ctx });
  const counted = dropCounters(maps).map((count, i) => count - before[i]!);
  const scratch = readScratch(maps);
  const reason = dropReasons.find(({ value }) => value === scratch.drop)?.name;
  const common = { packetOut, scratch, ...(reason === undefined ? {} : { reason }) };
  const drops = counted.reduce((sum, count) => sum + count, 0n);

  if (retval === TC_ACT_SHOT && scratch.copies > 0) return { action: 'flood', ...common };
  if (retval === TC_ACT_SHOT) {
    if (drops < 1n || counted[scratch.drop] === 0n)
      throw new Error(`dropped, but not counted as ${reason ?? scratch.drop}`);
    return { action: 'drop', ...common };
  }
  if (retval === TC_ACT_REDIRECT && scratch.drop === iov_drop.IOV_DROP_TUNNEL_MTU && drops === 1n)
    return { action: 'answer', port: scratch.out_port, ...common };
  if (drops !== 0n) throw new Error(`counted as dropped (${reason}), but the verdict is ${retval}`);
  if (retval === TC_ACT_UNSPEC) return { action: 'pass', ...common };
  if (retval !== TC_ACT_REDIRECT) throw new Error(`unexpected verdict ${retval}`);
  if (scratch.room > 0) return { action: 'redirect', tunnel: scratch.tunnel, ...common };
  return { action: 'redirect', port: scratch.out_port, ...common };
}

function dropCounters(maps: Maps): bigint[] {
  return Array.from({ length: iov_drop.IOV_DROP_COUNT }, (_, reason) =>
    (maps.iov_drops.lookupPerCpu(number32(reason)) ?? []).reduce(
      (sum, cpu) => sum + cpu.readBigUInt64LE(),
      0n,
    ),
  );
}

/** The scratch of the CPU that the packet was on: the others are still zero. */
function readScratch(maps: Maps): iov_packet {
  const all = maps.iov_scratch.lookupPerCpu(number32(0)) ?? [];
  return iov_packetCodec.decode(all.find((cpu) => cpu.some((byte) => byte !== 0)) ?? all[0]!);
}
