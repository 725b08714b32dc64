import koffi from 'koffi';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const ETH_P_ALL = 3;
const POLLIN = 1;
const PACKET_OUTGOING = 4;
const SOL_PACKET = 263;
const PACKET_AUXDATA = 8;
const TP_STATUS_VLAN_VALID = 1 << 4;

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int domain, int type, int protocol)');
const bind = libc.func('int bind(int fd, const void *address, uint32_t length)');
const setsockopt = libc.func(
  'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
);
const recvmsg = libc.func('intptr_t recvmsg(int fd, uintptr_t message, int flags)');
const send = libc.func('intptr_t send(int fd, const void *buffer, size_t length, int flags)');
const poll = libc.func('int poll(void *fds, ulong count, int timeout)');
const close = libc.func('int close(int fd)');

// Memory that stays put: struct msghdr, struct iovec, struct sockaddr_ll, control messages, frame.
const [IOVEC, ADDRESS, CONTROL, FRAME] = [64, 80, 128, 256];
const [CONTROL_LENGTH, FRAME_LENGTH] = [FRAME - CONTROL, 1 << 16];
const memory = koffi.alloc('uint8_t', FRAME + FRAME_LENGTH) as bigint;
const bytes = Buffer.from(koffi.view(memory, FRAME + FRAME_LENGTH));

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
    const one = Buffer.from(new Uint32Array([1]).buffer);
    setsockopt(this.#fd, SOL_PACKET, PACKET_AUXDATA, one, one.length);
    if (this.#fd < 0 || bind(this.#fd, address, address.length) < 0)
      throw new Error(`cannot listen on interface ${ifindex}`);
  }

  send(frame: Buffer): void {
    if (Number(send(this.#fd, frame, frame.length, 0)) !== frame.length) throw new Error('cannot send');
  }

  /** The next frame that came in, its VLAN tags in it; undefined when none comes within `timeout` milliseconds. */
  next(timeout = 10_000): Buffer | undefined {
    for (;;) {
      const polled = Buffer.alloc(8); // struct pollfd
      polled.writeInt32LE(this.#fd, 0);
      polled.writeInt16LE(POLLIN, 4);
      if (poll(polled, 1, timeout) <= 0) return undefined;
      const frame = receive(this.#fd);
      if (frame !== undefined) return frame;
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

/** Undefined: it was one that went out. */
function receive(fd: number): Buffer | undefined {
  bytes.fill(0, 0, FRAME);
  bytes.writeBigUInt64LE(memory + BigInt(ADDRESS), 0);
  bytes.writeUInt32LE(20, 8);
  bytes.writeBigUInt64LE(memory + BigInt(IOVEC), 16);
  bytes.writeBigUInt64LE(1n, 24);
  bytes.writeBigUInt64LE(memory + BigInt(CONTROL), 32);
  bytes.writeBigUInt64LE(BigInt(CONTROL_LENGTH), 40);
  bytes.writeBigUInt64LE(memory + BigInt(FRAME), IOVEC);
  bytes.writeBigUInt64LE(BigInt(FRAME_LENGTH), IOVEC + 8);
  const length = Number(recvmsg(fd, memory, 0));
  if (length < 0 || bytes[ADDRESS + 10] === PACKET_OUTGOING) return undefined;
  const frame = Buffer.from(bytes.subarray(FRAME, FRAME + length));
  // struct tpacket_auxdata behind struct cmsghdr: the outermost tag, which the kernel took out of the frame.
  const auxdata = bytes.subarray(CONTROL + 16, CONTROL + 36);
  if (!(auxdata.readUInt32LE(0) & TP_STATUS_VLAN_VALID)) return frame;
  const tag = Buffer.alloc(4);
  tag.writeUInt16BE(auxdata.readUInt16LE(18), 0);
  tag.writeUInt16BE(auxdata.readUInt16LE(16), 2);
  return Buffer.concat([frame.subarray(0, 12), tag, frame.subarray(12)]);
}
