import koffi from 'koffi';
import {
  AF_INET,
  AF_NETLINK,
  AF_PACKET,
  EIO,
  NETLINK_ROUTE,
  SIOCETHTOOL,
  SO_ATTACH_FILTER,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SOCK_DGRAM_CLOEXEC,
  SOCK_RAW_CLOEXEC_NONBLOCK,
  SOL_SOCKET,
} from './constants.js';
import { NetlinkError } from './netlinkError.js';

// Symbols of the C library that is in the process already, whatever its name (glibc, musl).
const self = koffi.load(null);
const socket = self.func('int socket(int domain, int type, int protocol)');
const bind = self.func('int bind(int fd, const void *address, uint32_t length)');
const close = self.func('int close(int fd)');
const setsockopt = self.func(
  'int setsockopt(int fd, int level, int option, const void *value, uint32_t length)',
);
const filterProgram = koffi.struct({ length: 'uint16_t', instructions: 'const void *' });
const attachFilter = self.func('setsockopt', 'int', [
  'int',
  'int',
  'int',
  koffi.pointer(filterProgram),
  'uint32_t',
]);
const deviceRequest = koffi.struct({
  name: koffi.array('char', 16),
  data: 'void *',
  rest: koffi.array('uint8_t', 16),
});
const ioctl = self.func('ioctl', 'int', ['int', 'unsigned long', koffi.pointer(deviceRequest)]);
const send = self.func('intptr_t send(int fd, const void *buffer, size_t length, int flags)');
const sendto = self.func(
  'intptr_t sendto(int fd, const void *buffer, size_t length, int flags, const void *address, uint32_t size)',
);
const recv = self.func('intptr_t recv(int fd, _Out_ void *buffer, size_t length, int flags)');

function check(what: string, result: number): number {
  if (result < 0) throw new NetlinkError(what, koffi.errno());
  return result;
}

/** Opens a non-blocking rtnetlink socket in the calling thread's network namespace; throws NetlinkError. */
export function openNetlinkSocket(): number {
  const fd = check('netlink socket', socket(AF_NETLINK, SOCK_RAW_CLOEXEC_NONBLOCK, NETLINK_ROUTE));
  // struct sockaddr_nl; port id 0 lets the kernel choose a unique one.
  const address = Buffer.alloc(12);
  address.writeUInt16LE(AF_NETLINK, 0);
  try {
    check('netlink bind', bind(fd, address, address.length));
  } catch (error) {
    close(fd);
    throw error;
  }
  return fd;
}

/** Sets an option whose value is an int; throws NetlinkError. */
export function setSocketOption(fd: number, level: number, option: number, value: number): void {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32LE(value);
  check('netlink setsockopt', setsockopt(fd, level, option, buffer, buffer.length));
}

/** Makes room for `bytes` of messages that were not read yet, beyond net.core.rmem_max where CAP_NET_ADMIN allows it. */
export function setReceiveBuffer(fd: number, bytes: number): void {
  try {
    setSocketOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes);
  } catch {
    setSocketOption(fd, SOL_SOCKET, SO_RCVBUF, bytes);
  }
}

/** One instruction of a classic BPF program (struct sock_filter). */
export type FilterInstruction = readonly [code: number, whenTrue: number, whenFalse: number, k: number];

/** Lets the kernel drop what the program answers 0 to, before it costs room in the socket; throws NetlinkError. */
export function setSocketFilter(fd: number, program: readonly FilterInstruction[]): void {
  const instructions = Buffer.alloc(program.length * 8);
  program.forEach(([code, whenTrue, whenFalse, k], at) => {
    instructions.writeUInt16LE(code, at * 8);
    instructions.writeUInt8(whenTrue, at * 8 + 2);
    instructions.writeUInt8(whenFalse, at * 8 + 3);
    instructions.writeUInt32LE(k, at * 8 + 4);
  });
  const value = { length: program.length, instructions };
  check('netlink filter', attachFilter(fd, SOL_SOCKET, SO_ATTACH_FILTER, value, koffi.sizeof(filterProgram)));
}

/** A socket for `ethtoolRequest`, in the calling thread's network namespace; throws NetlinkError. */
export function openEthtoolSocket(): number {
  return check('ethtool socket', socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0));
}

/** ioctl SIOCETHTOOL: `data` is a struct of linux/ethtool.h, which the kernel fills. Throws NetlinkError. */
export function ethtoolRequest(fd: number, device: string, data: Buffer): void {
  const request = { name: device, data, rest: Array(16).fill(0) };
  check(`ethtool of ${device}`, ioctl(fd, SIOCETHTOOL, request));
}

/** A socket for `sendFrame` that receives nothing, in the calling thread's network namespace; throws NetlinkError. */
export function openPacketSocket(): number {
  return check('packet socket', socket(AF_PACKET, SOCK_RAW_CLOEXEC_NONBLOCK, 0));
}

/** Sends a frame, its Ethernet header included, out of a device. Throws NetlinkError. */
export function sendFrame(fd: number, ifindex: number, frame: Buffer): void {
  const address = Buffer.alloc(20); // struct sockaddr_ll
  address.writeUInt16LE(AF_PACKET, 0);
  frame.copy(address, 2, 12, 14);
  address.writeInt32LE(ifindex, 4);
  address.writeUInt8(6, 11);
  frame.copy(address, 12, 0, 6);
  check(`frame to device ${ifindex}`, Number(sendto(fd, frame, frame.length, 0, address, address.length)));
}

export function closeSocket(fd: number): void {
  close(fd);
}

export function sendMessage(fd: number, message: Buffer): void {
  check('netlink send', Number(send(fd, message, message.length, 0)));
}

/** As `sendMessage`, in another thread: for requests during which the kernel waits. Rejects with NetlinkError. */
export function sendMessageAside(fd: number, message: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    send.async(fd, message, message.length, 0, (error: Error | null, result: number | bigint) => {
      if (error !== null) reject(error);
      // errno is that of the other thread.
      else if (Number(result) < 0) reject(new NetlinkError('netlink send', EIO));
      else resolve();
    });
  });
}

/** Reads one datagram into `buffer`; the number of bytes. Throws NetlinkError, EAGAIN when there is none. */
export function receiveMessage(fd: number, buffer: Buffer, flags: number): number {
  return check('netlink receive', Number(recv(fd, buffer, buffer.length, flags)));
}
