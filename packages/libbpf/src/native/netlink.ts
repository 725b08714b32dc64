import { closeSync } from 'node:fs';
import koffi from 'koffi';
import { BpfError } from '../errors.js';

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const NLM_F_REQUEST = 0x1;
const NLM_F_ACK = 0x4;
// Without it older kernels answer a question for one qdisc with nothing but the acknowledgement.
const NLM_F_ECHO = 0x8;
const NLM_F_DUMP = 0x300;
/** How to ask: for one object, or for all of a kind. */
const NLM_F = { one: NLM_F_REQUEST | NLM_F_ACK | NLM_F_ECHO, all: NLM_F_REQUEST | NLM_F_DUMP } as const;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;

interface Sockets {
  socket(domain: number, type: number, protocol: number): number;
  send(fd: number, data: Buffer, length: number, flags: number): number;
  recv(fd: number, data: Buffer, length: number, flags: number): number;
}

let sockets: Sockets | undefined;
/** For every answer: one of its own for each question makes V8 collect garbage all over when devices come by the hundred. */
let answer: Buffer | undefined;

function libc(): Sockets {
  if (sockets === undefined) {
    const library = koffi.load('libc.so.6');
    sockets = {
      socket: library.func('int socket(int domain, int type, int protocol)') as Sockets['socket'],
      send: library.func('long send(int fd, void *data, size_t length, int flags)') as Sockets['send'],
      recv: library.func('long recv(int fd, void *data, size_t length, int flags)') as Sockets['recv'],
    };
  }
  return sockets;
}

/**
 * One rtnetlink question in this network namespace. The kernel answers within the send, so nothing blocks.
 * @param request what follows the nlmsghdr
 * @returns what follows the nlmsghdr in each answer
 */
export function ask(which: 'one' | 'all', type: number, request: Buffer, target: string): Buffer[] {
  const { socket, send, recv } = libc();
  const fail = (errno: number): never => {
    throw new BpfError('ask for', target, errno);
  };
  const fd = socket(AF_NETLINK, SOCK_RAW_CLOEXEC, 0);
  if (fd < 0) return fail(koffi.errno());
  try {
    const header = Buffer.alloc(16);
    header.writeUInt32LE(16 + request.length, 0);
    header.writeUInt16LE(type, 4);
    header.writeUInt16LE(NLM_F[which], 6);
    if (send(fd, Buffer.concat([header, request]), 16 + request.length, 0) < 0) fail(koffi.errno());
    const answers: Buffer[] = [];
    answer ??= Buffer.allocUnsafe(1 << 16);
    const buffer = answer;
    for (;;) {
      const length = Number(recv(fd, buffer, buffer.length, 0));
      if (length < 0) fail(koffi.errno());
      for (let at = 0; at + 16 <= length; at += align(buffer.readUInt32LE(at))) {
        const kind = buffer.readUInt16LE(at + 4);
        if (kind === NLMSG_DONE) return answers;
        if (kind === NLMSG_ERROR) {
          const errno = buffer.readInt32LE(at + 16);
          return errno === 0 ? answers : fail(errno);
        }
        answers.push(Buffer.from(buffer.subarray(at + 16, at + buffer.readUInt32LE(at))));
      }
    }
  } finally {
    closeSync(fd);
  }
}

function align(length: number): number {
  return Math.max(16, (length + 3) & ~3);
}

/** The payload of the first attribute of a type among the rtattrs in `data`. */
export function attribute(data: Buffer, type: number): Buffer | undefined {
  for (let at = 0; at + 4 <= data.length; at += Math.max(4, (data.readUInt16LE(at) + 3) & ~3)) {
    if (data.readUInt16LE(at + 2) === type) return data.subarray(at + 4, at + data.readUInt16LE(at));
  }
  return undefined;
}
