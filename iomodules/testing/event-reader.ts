import type { BpfMap } from '@iovisor-ovn/libbpf';
import koffi from 'koffi';
import { type iov_event, iov_eventCodec } from '../gen/abi.js';

const [PROT_READ, PROT_WRITE, MAP_SHARED] = [1, 2, 1];
const BUSY_OR_DISCARDED = 0xc0000000;

const libc = koffi.load('libc.so.6');
const mmap = libc.func(
  'uintptr_t mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
);
const getpagesize = libc.func('int getpagesize()');

/** Reads the ring buffer iov_events (include/uapi/linux/bpf.h, BPF_MAP_TYPE_RINGBUF). The mappings go with the process. */
export class EventReader {
  readonly #consumer: Buffer;
  readonly #producer: Buffer;
  readonly #records: Buffer;
  readonly #size: number;

  constructor(map: BpfMap) {
    const page = getpagesize() as number;
    this.#size = map.maxEntries;
    const length = page + 2 * this.#size;
    this.#consumer = view(mmap(null, page, PROT_READ | PROT_WRITE, MAP_SHARED, map.fd, 0), page);
    this.#producer = view(mmap(null, length, PROT_READ, MAP_SHARED, map.fd, page), length);
    this.#records = this.#producer.subarray(page);
  }

  /** What was told since the last call. */
  take(): iov_event[] {
    return this.takeRecords().map((record) => iov_eventCodec.decode(record.subarray(0, iov_eventCodec.size)));
  }

  /** The same, whatever they are. */
  takeRecords(): Buffer[] {
    const records: Buffer[] = [];
    let at = this.#consumer.readBigUInt64LE();
    for (; at < this.#producer.readBigUInt64LE(); ) {
      const offset = Number(at % BigInt(this.#size));
      const header = this.#records.readUInt32LE(offset);
      if (header & BUSY_OR_DISCARDED) throw new Error('no program of ours reserves or discards');
      records.push(Buffer.from(this.#records.subarray(offset + 8, offset + 8 + header)));
      at += BigInt(8 + Math.ceil(header / 8) * 8);
    }
    this.#consumer.writeBigUInt64LE(at);
    return records;
  }
}

function view(address: number | bigint, length: number): Buffer {
  if (Number(address) === -1) throw new Error('cannot map iov_events');
  return Buffer.from(koffi.view(BigInt(address), length));
}
