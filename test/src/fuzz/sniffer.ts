import koffi from 'koffi';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const ETH_P_ALL = 0x0300; // in network order
const PACKET_OUTGOING = 4;
const ADDRESS_BYTES = 20; // struct sockaddr_ll

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int domain, int type, int protocol)');
const setsockopt = libc.func(
  'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
);
const recvfrom = libc.func(
  'intptr_t recvfrom(int fd, void *buffer, size_t length, int flags, void *address, void *address_length)',
);
const close = libc.func('int close(int fd)');

/** A frame that was handed to a device. */
export interface Sent {
  ifindex: number;
  frame: Buffer;
}

/**
 * Everything that the devices of a network namespace send. A device shows a frame to its listeners while it is being
 * sent: what a test run cloned is here when the run returns, and nobody needs to wait for it.
 */
export class Sniffer {
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(65536);
  readonly #address = Buffer.alloc(ADDRESS_BYTES);
  readonly #length = Buffer.alloc(4);

  /** Of the namespace that the thread is in. */
  constructor() {
    this.#fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, ETH_P_ALL);
    if (this.#fd < 0) throw new Error('cannot open a packet socket: the fuzzer needs root');
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(16 << 20);
    setsockopt(this.#fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes, bytes.length);
  }

  /** What was sent since the last call. */
  take(): Sent[] {
    const all: Sent[] = [];
    for (;;) {
      this.#length.writeUInt32LE(ADDRESS_BYTES);
      const { length } = this.#buffer;
      const got = Number(recvfrom(this.#fd, this.#buffer, length, 0, this.#address, this.#length));
      if (got < 0) return all;
      if (this.#address[10] !== PACKET_OUTGOING) continue;
      const frame = Buffer.from(this.#buffer.subarray(0, got));
      all.push({ ifindex: this.#address.readInt32LE(4), frame });
    }
  }

  close(): void {
    close(this.#fd);
  }
}
