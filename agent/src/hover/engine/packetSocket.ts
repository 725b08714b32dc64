import { errnoName } from '@iovisor-ovn/libbpf';
import koffi from 'koffi';

const AF_PACKET = 17;
const SOCK_RAW_CLOEXEC_NONBLOCK = 3 | 0o2000000 | 0o4000;
const SOL_SOCKET = 1;
const SO_MARK = 36;

const self = koffi.load(null);
const socket = self.func('int socket(int domain, int type, int protocol)');
const bind = self.func('int bind(int fd, const void *address, uint32_t length)');
const close = self.func('int close(int fd)');
const setsockopt = self.func(
  'int setsockopt(int fd, int level, int option, const void *value, uint32_t length)',
);
const send = self.func('intptr_t send(int fd, const void *buffer, size_t length, int flags)');

/** Sends frames out of one device, each with a mark; receives nothing. */
export class PacketSocket {
  readonly #fd: number;
  readonly #mark = Buffer.alloc(4);

  constructor(ifindex: number) {
    // Protocol 0: no packets come in.
    this.#fd = check('open a packet socket', socket(AF_PACKET, SOCK_RAW_CLOEXEC_NONBLOCK, 0));
    // struct sockaddr_ll
    const address = Buffer.alloc(20);
    address.writeUInt16LE(AF_PACKET, 0);
    address.writeInt32LE(ifindex, 4);
    try {
      check(`bind to device ${ifindex}`, bind(this.#fd, address, address.length));
    } catch (error) {
      close(this.#fd);
      throw error;
    }
  }

  /** @throws Error what the kernel said: ENOBUFS or EAGAIN when too many are under way */
  send(frame: Buffer, mark: number): void {
    this.#mark.writeUInt32LE(mark);
    check('set a mark', setsockopt(this.#fd, SOL_SOCKET, SO_MARK, this.#mark, this.#mark.length));
    check('send a packet', Number(send(this.#fd, frame, frame.length, 0)));
  }

  close(): void {
    close(this.#fd);
  }
}

function check(what: string, result: number): number {
  if (result >= 0) return result;
  throw new Error(`cannot ${what}: ${errnoName(koffi.errno())}`);
}
