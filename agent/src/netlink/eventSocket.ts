import { Socket } from 'node:net';
import {
  AF_BRIDGE,
  GROUPS,
  NETLINK_ADD_MEMBERSHIP,
  RTM_DELNEIGH,
  RTM_DELQDISC,
  RTM_DELTFILTER,
  RTM_NEWNEIGH,
  RTM_NEWPREFIX,
  RTM_NEWQDISC,
  SOL_NETLINK,
} from './constants.js';
import {
  closeSocket,
  type FilterInstruction,
  openNetlinkSocket,
  setReceiveBuffer,
  setSocketFilter,
  setSocketOption,
} from './libc.js';
import { messagesOf, type NetlinkMessage } from './message.js';

interface PipeBinding {
  readonly Pipe: new (type: number) => { open(fd: number): number; close(): void };
  readonly constants: { readonly SOCKET: number };
}

/** Bytes of events that may wait: 4 MiB hold about two thousand device messages. */
export const DEFAULT_EVENT_BUFFER = 4 << 20;

/** A number of the message in host byte order, as classic BPF loads it: of types below 256 the order stays. */
const swapped = (type: number) => ((type & 0xff) << 8) | (type >> 8);

/**
 * Not the addresses that bridges learn: nobody asks for them, and they are many, a port of a bridge with VLANs alone announces
 * 4,094. Of traffic control only what goes: whoever offloads flows adds filters by the thousand. Offsets are those of struct nlmsghdr
 * and struct ndmsg behind it.
 */
const WANTED: readonly FilterInstruction[] = [
  [0x28, 0, 0, 4], // ldh: nlmsg_type
  [0x15, 7, 0, swapped(RTM_DELQDISC)],
  [0x15, 6, 0, swapped(RTM_DELTFILTER)],
  [0x35, 0, 1, swapped(RTM_NEWQDISC)], // jge: the first of traffic control …
  [0x35, 0, 5, swapped(RTM_NEWPREFIX)], // … and the first after it
  [0x15, 1, 0, swapped(RTM_NEWNEIGH)],
  [0x15, 0, 2, swapped(RTM_DELNEIGH)],
  [0x30, 0, 0, 16], // ldb: ndm_family
  [0x15, 1, 0, AF_BRIDGE],
  [0x06, 0, 0, 0xffffffff], // take it
  [0x06, 0, 0, 0], // leave it
];

/**
 * The kernel's announcements. net.Socket refuses a netlink descriptor because it asks for the address family; a pipe handle
 * of libuv does not ask, and reads any descriptor that poll(2) knows: one read is one datagram. So events come through the
 * event loop, with no thread and no polling.
 */
export class EventSocket {
  readonly #socket: Socket;
  #closed = false;

  /**
   * Subscribes in the current network namespace. `onMessage` gets each message; `onLost` is called once when messages were
   * lost (ENOBUFS) or the socket broke: this object is dead then. Throws NetlinkError.
   */
  constructor(
    bufferBytes: number,
    onMessage: (message: NetlinkMessage) => void,
    onLost: (reason: Error) => void,
  ) {
    const fd = openNetlinkSocket();
    const { Pipe, constants } = (process as unknown as { binding(name: 'pipe_wrap'): PipeBinding }).binding(
      'pipe_wrap',
    );
    const handle = new Pipe(constants.SOCKET);
    try {
      setReceiveBuffer(fd, bufferBytes);
      setSocketFilter(fd, WANTED);
      for (const group of GROUPS) setSocketOption(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
      const result = handle.open(fd);
      if (result !== 0) throw new Error(`netlink: libuv does not take the socket (${result})`);
    } catch (error) {
      closeSocket(fd);
      throw error;
    }
    const lost = (reason: Error) => {
      if (this.#closed) return;
      this.close();
      onLost(reason);
    };
    this.#socket = new Socket({ handle, readable: true, writable: false } as object);
    this.#socket.on('data', (datagram: Buffer) => {
      for (const message of messagesOf(datagram)) if (!this.#closed) onMessage(message);
    });
    this.#socket.on('error', lost);
    this.#socket.on('close', () => lost(new Error('the netlink socket was closed')));
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }
}
