import koffi from 'koffi';

const F_DUPFD_CLOEXEC = 1030;

interface Libc {
  fcntl(fd: number, command: number, type: 'int', argument: number): number;
  memcpy(into: Uint8Array, from: bigint, size: number): unknown;
}

let loaded: Libc | undefined;

function libc(): Libc {
  if (loaded !== undefined) return loaded;
  // Symbols of the C library that is in the process already, whatever its name (glibc, musl).
  const self = koffi.load(null);
  loaded = {
    fcntl: self.func('int fcntl(int fd, int command, ...)') as unknown as Libc['fcntl'],
    memcpy: self.func('void *memcpy(void *into, void *from, size_t size)') as unknown as Libc['memcpy'],
  };
  return loaded;
}

/** A second descriptor of the same open file, closed on exec; or a negative errno. */
export function duplicate(fd: number): number {
  const result = libc().fcntl(fd, F_DUPFD_CLOEXEC, 'int', 0);
  return result < 0 ? -koffi.errno() : result;
}

/** Bytes that lie at an address, as a Buffer of their own. */
export function copyOf(address: bigint, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  if (size > 0) libc().memcpy(bytes, address, size);
  return bytes;
}

/** errno of the last call through koffi. */
export function lastErrno(): number {
  return koffi.errno();
}
