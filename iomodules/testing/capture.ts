import koffi from 'koffi';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const ETH_P_ALL = 3;
const POLLIN = 1;
const PACKET_OUTGOING = 4;

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int domain, int type, int protocol)');
const bind = libc.func('int bind(int fd, const void *address, uint32_t length)');
const recvfrom = libc.func(
  'intptr_t recvfrom(int fd, void *buffer, size_t length, int flags, void *address, void *address_length)',
);
const send = libc.func('intptr_t send(int fd, const void *buffer, size_t length, int flags)');
const poll = libc.func('int poll(void *fds, ulong count, int timeout)');
const close = libc.func('int close(int fd)');

/** Sends on a device of this thread's network namespace, and listens for what arrives there. */
export class Capture {
  readonly #fd: number;

  constructor(ifindex: number) {
    const protocol = Buffer.alloc(2);
    protocol.writeUInt16BE(ETH_P_ALL);
    this.#fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, protocol.readUInt16LE());
    const address = Buffer.alloc(20); // struct sockaddr_ll
    address.writeUInt16LE(AF_PACKET, 0);
    protocol.copy(address, 2);
    address.writeInt32LE(ifindex, 4);
    if (this.#fd < 0 || bind(this.#fd, address, address.length) < 0)
      throw new Error(`cannot listen on interface ${ifindex}`);
  }

  send(frame: Buffer): void {
    if (Number(send(this.#fd, frame, frame.length, 0)) !== frame.length) throw new Error('cannot send');
  }

  /** The next frame that came in; undefined when none comes within `timeout` milliseconds. */
  next(timeout = 2000): Buffer | undefined {
    for (;;) {
      const polled = Buffer.alloc(8); // struct pollfd
      polled.writeInt32LE(this.#fd, 0);
      polled.writeInt16LE(POLLIN, 4);
      if (poll(polled, 1, timeout) <= 0) return undefined;
      const buffer = Buffer.alloc(65536);
      const from = Buffer.alloc(20);
      const fromLength = Buffer.alloc(4);
      fromLength.writeUInt32LE(from.length);
      const length = Number(recvfrom(this.#fd, buffer, buffer.length, 0, from, fromLength));
      if (length >= 0 && from[10] !== PACKET_OUTGOING) return buffer.subarray(0, length);
    }
  }

  /** What is here already. */
  waiting(): Buffer[] {
    const frames: Buffer[] = [];
    for (let frame = this.next(0); frame !== undefined; frame = this.next(0)) frames.push(frame);
    return frames;
  }

  close(): void {
    close(this.#fd);
  }
}
