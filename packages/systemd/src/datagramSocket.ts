import { closeSync } from 'node:fs';
import koffi from 'koffi';

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
/** Neither wait for a full queue nor be killed by a peer that is gone. */
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;
/** sizeof(sun_path). */
const MAX_PATH = 108;

interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  sendto(
    fd: number,
    data: Buffer,
    length: number,
    flags: number,
    address: Buffer,
    addressLength: number,
  ): number;
}

/** A unix datagram socket that only sends: Node has none. Not connected, so it survives a restart of the other end. */
export class DatagramSocket {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #address: Buffer;

  /**
   * @param path an absolute path, or `@name` for the abstract namespace
   * @throws Error when there is no such address or no socket to be had
   */
  constructor(path: string) {
    this.#address = socketAddress(path);
    // Symbols of the C library that is in the process already, whatever its name (glibc, musl).
    const self = koffi.load(null);
    this.#libc = {
      socket: self.func('int socket(int domain, int type, int protocol)') as Libc['socket'],
      sendto: self.func(
        'long sendto(int fd, void *data, size_t length, int flags, void *address, unsigned int addressLength)',
      ) as Libc['sendto'],
    };
    this.#fd = this.#libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
    if (this.#fd < 0) throw new Error(`no unix socket: ${errorName(koffi.errno())}`);
  }

  /** @returns undefined, or the name of what went wrong: `EAGAIN` when the other end's queue is full */
  send(text: string): string | undefined {
    const data = Buffer.from(text);
    const { length } = this.#address;
    const sent = Number(
      this.#libc.sendto(this.#fd, data, data.length, MSG_DONTWAIT_NOSIGNAL, this.#address, length),
    );
    return sent < 0 ? errorName(koffi.errno()) : undefined;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** struct sockaddr_un, as long as it is used. */
function socketAddress(path: string): Buffer {
  if (!/^[/@]./.test(path)) throw new Error(`"${path}" is neither an absolute path nor @name`);
  const name = Buffer.from(path[0] === '@' ? `\0${path.slice(1)}` : `${path}\0`);
  if (name.length > MAX_PATH) throw new Error(`"${path}" is too long for a unix socket`);
  const family = Buffer.from(new Uint16Array([AF_UNIX]).buffer);
  return Buffer.concat([family, name]);
}

function errorName(errno: number): string {
  const known = Object.entries(koffi.os.errno).find(([, number]) => number === errno);
  return known?.[0] ?? `errno ${errno}`;
}
