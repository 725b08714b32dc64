import { constants } from 'node:os';
import { BpfError } from './errors.js';
import { libbpf } from './native/libbpf.js';
import { Scratch } from './native/scratch.js';
import { type SkBuffFields, skBuffCodec } from './sk-buff.js';

/** One BPF_PROG_TEST_RUN. */
export interface TestRun {
  /** The packet, Ethernet header first; at least 14 bytes. */
  data: Buffer;
  /** How often to run it, each time on what the last run left; for measuring. Default 1. */
  repeat?: number;
  /** The packet's metadata; only for programs that get a `struct __sk_buff`. */
  ctx?: Partial<SkBuffFields>;
  /** Room for the packet afterwards, bytes. Default: what came in and 512 more. */
  dataOutSize?: number;
}

export interface TestRunResult {
  /** What the program returned, signed: TC_ACT_UNSPEC is -1. */
  retval: number;
  /** The packet afterwards. */
  data: Buffer;
  /** Nanoseconds a run, averaged over `repeat`. */
  durationNs: number;
  /** The metadata afterwards; undefined for programs without a `struct __sk_buff`. */
  ctx: SkBuffFields | undefined;
}

// The struct bpf_test_run_opts and all it points to lie in one piece of memory that stays put.
const OPTS_SIZE = 80;
const CTX_IN = 128;
const CTX_OUT = CTX_IN + 256;
const DATA = CTX_OUT + 256;
let scratch: Scratch | undefined;

/** @internal Use BpfProgram.testRun(). `skb`: whether the program's context is a `struct __sk_buff`. */
export function testRun(fd: number, name: string, skb: boolean, run: TestRun): TestRunResult {
  const room = run.dataOutSize ?? run.data.length + 512;
  const end = DATA + run.data.length + room;
  if (scratch === undefined || scratch.bytes.length < end) {
    // Powers of two: what it outgrows is not freed.
    scratch = new Scratch(Math.max(1 << 17, 2 ** Math.ceil(Math.log2(end))));
  }
  const { bytes, address } = scratch;
  const at = (offset: number): bigint => address + BigInt(offset);
  if (run.ctx !== undefined && !skb) {
    const hint = 'Its context is not a struct __sk_buff, so "ctx" cannot be given';
    throw new BpfError('test run', `program ${name}`, constants.errno.EINVAL, { hint });
  }
  bytes.fill(0, 0, DATA);
  run.data.copy(bytes, DATA);
  bytes.writeBigUInt64LE(BigInt(OPTS_SIZE), 0);
  bytes.writeBigUInt64LE(at(DATA), 8);
  bytes.writeBigUInt64LE(room > 0 ? at(DATA + run.data.length) : 0n, 16);
  bytes.writeUInt32LE(run.data.length, 24);
  bytes.writeUInt32LE(room, 28);
  if (run.ctx !== undefined) {
    skBuffCodec.encodeInto(bytes, CTX_IN, run.ctx);
    bytes.writeBigUInt64LE(at(CTX_IN), 32);
    bytes.writeUInt32LE(skBuffCodec.size, 48);
  }
  if (skb) {
    bytes.writeBigUInt64LE(at(CTX_OUT), 40);
    bytes.writeUInt32LE(skBuffCodec.size, 52);
  }
  bytes.writeInt32LE(run.repeat ?? 1, 60);
  const result = libbpf().bpf_prog_test_run_opts(fd, address);
  if (result < 0)
    throw new BpfError('test run', `program ${name}`, result, { hint: hint(-result, run, bytes) });
  return {
    retval: bytes.readInt32LE(56),
    durationNs: bytes.readUInt32LE(64),
    data: Buffer.from(
      bytes.subarray(DATA + run.data.length, DATA + run.data.length + bytes.readUInt32LE(28)),
    ),
    ctx: skb ? skBuffCodec.decode(bytes, CTX_OUT) : undefined,
  };
}

function hint(errno: number, run: TestRun, bytes: Buffer): string | undefined {
  if (errno === constants.errno.ENOSPC)
    return `The packet grew to ${bytes.readUInt32LE(28)} bytes: raise "dataOutSize"`;
  if (errno === constants.errno.ENODEV)
    return `No interface has index ${run.ctx?.ifindex} in this network namespace`;
  if (errno !== constants.errno.EINVAL) return undefined;
  if (run.data.length < 14) return `The packet has ${run.data.length} bytes; an Ethernet header has 14`;
  return 'The packet is too long for a test run, or the context has a value the kernel does not allow';
}
