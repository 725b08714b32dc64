import { structCodec } from './codec/struct-codec.js';

/**
 * The members of `struct __sk_buff` that a test run may set and that it reports back; the kernel refuses any
 * other. All in host byte order.
 */
export interface SkBuffFields {
  mark: number;
  priority: number;
  /** Index of the interface the packet came in on; it need not exist. */
  ingress_ifindex: number;
  /** Index of the interface the program runs on: must exist in this network namespace. Default: loopback. */
  ifindex: number;
  /** The five words of skb->cb that programs share. */
  cb: number[];
  /** Nanoseconds. */
  tstamp: bigint;
  /** Bytes on the wire; 0 or at least the length of the data. */
  wire_len: number;
  gso_segs: number;
  /** Bytes of payload a segment. */
  gso_size: number;
  /** Nanoseconds; since kernel 5.16. */
  hwtstamp: bigint;
}

/** Offsets are kernel UAPI (linux/bpf.h) and therefore for ever; the tests compare them with the running kernel's BTF. */
export const skBuffCodec = structCodec<SkBuffFields>({
  name: '__sk_buff',
  size: 192,
  fields: [
    { name: 'mark', offset: 8, type: 'u32' },
    { name: 'priority', offset: 32, type: 'u32' },
    { name: 'ingress_ifindex', offset: 36, type: 'u32' },
    { name: 'ifindex', offset: 40, type: 'u32' },
    { name: 'cb', offset: 48, type: { array: 'u32', count: 5 } },
    { name: 'tstamp', offset: 152, type: 'u64' },
    { name: 'wire_len', offset: 160, type: 'u32' },
    { name: 'gso_segs', offset: 164, type: 'u32' },
    { name: 'gso_size', offset: 176, type: 'u32' },
    { name: 'hwtstamp', offset: 184, type: 'u64' },
  ],
});
