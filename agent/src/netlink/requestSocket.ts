import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  MSG_DONTWAIT,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NLM_F_ACK_TLVS,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSGERR_ATTR_MSG,
  SOL_NETLINK,
} from './constants.js';
import {
  closeSocket,
  openNetlinkSocket,
  receiveMessage,
  sendMessage,
  sendMessageAside,
  setSocketOption,
} from './libc.js';
import {
  type AttributeToSend,
  attributesOf,
  encodeMessage,
  messagesOf,
  type NetlinkMessage,
  readString,
} from './message.js';
import { NetlinkError } from './netlinkError.js';

/** The kernel sends at most 32 KiB per datagram of a dump, whatever the reader's buffer. */
const DATAGRAM = 65_536;
const DUMP_ATTEMPTS = 8;

/** Throws when an NLMSG_ERROR carries an error; with errno 0 it is an acknowledgement. */
function throwIfError(what: string, message: NetlinkMessage): void {
  if (message.type !== NLMSG_ERROR || message.payload.length < 4) return;
  const errno = -message.payload.readInt32LE(0);
  if (errno === 0) return;
  const tlvs = message.flags & NLM_F_ACK_TLVS ? attributesOf(message.payload, 20) : undefined;
  throw new NetlinkError(what, errno, readString(tlvs?.get(NLMSGERR_ATTR_MSG)));
}

/**
 * Questions to the kernel. rtnetlink does its work inside send(), so the answer is there when send() returns: a single
 * request is answered without waiting, and only dumps, which can be long, yield to the event loop.
 */
export class RequestSocket {
  #fd: number;
  readonly #buffer = Buffer.allocUnsafe(DATAGRAM);
  #sequence = 0;

  /** Opens the socket in the current network namespace; throws NetlinkError. */
  constructor() {
    this.#fd = openNetlinkSocket();
    setSocketOption(this.#fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
    setSocketOption(this.#fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
  }

  /** Requests throw EBADF after this. */
  close(): void {
    if (this.#fd >= 0) closeSocket(this.#fd);
    // The number may soon be another file's.
    this.#fd = -1;
  }

  /**
   * One request with one answer: a message, or the acknowledgement asked for by NLM_F_ACK (then type NLMSG_ERROR).
   * Throws NetlinkError with the kernel's explanation; `what` begins its message.
   */
  request(
    what: string,
    type: number,
    flags: number,
    fixedHeader: Uint8Array,
    attributes?: readonly AttributeToSend[],
  ): NetlinkMessage {
    const sequence = ++this.#sequence;
    sendMessage(this.#fd, encodeMessage(type, NLM_F_REQUEST | flags, sequence, fixedHeader, attributes));
    return this.#answer(what, sequence);
  }

  /**
   * As `request`, but another thread waits for the kernel. Nothing else may be asked by this object meanwhile. Rejects with
   * NetlinkError.
   */
  async requestAside(
    what: string,
    type: number,
    flags: number,
    fixedHeader: Uint8Array,
    attributes?: readonly AttributeToSend[],
  ): Promise<NetlinkMessage> {
    const sequence = ++this.#sequence;
    const message = encodeMessage(type, NLM_F_REQUEST | flags, sequence, fixedHeader, attributes);
    await sendMessageAside(this.#fd, message);
    return this.#answer(what, sequence);
  }

  #answer(what: string, sequence: number): NetlinkMessage {
    for (;;) {
      const length = receiveMessage(this.#fd, this.#buffer, MSG_DONTWAIT);
      for (const message of messagesOf(this.#buffer.subarray(0, length))) {
        if (message.sequence !== sequence) continue;
        throwIfError(what, message);
        return message;
      }
    }
  }

  /**
   * A dump that is short, read without waiting. Throws NetlinkError; `what` begins its message. Messages that a change of the
   * tables in between may have left out are not asked for again.
   */
  dumpNow(
    what: string,
    type: number,
    fixedHeader: Uint8Array,
    each: (message: NetlinkMessage) => void,
  ): void {
    const sequence = ++this.#sequence;
    sendMessage(this.#fd, encodeMessage(type, NLM_F_REQUEST | NLM_F_DUMP, sequence, fixedHeader));
    for (;;) {
      const length = receiveMessage(this.#fd, this.#buffer, MSG_DONTWAIT);
      for (const message of messagesOf(this.#buffer.subarray(0, length))) {
        if (message.sequence !== sequence) continue;
        throwIfError(what, message);
        if (message.type === NLMSG_DONE) return;
        each(message);
      }
    }
  }

  /**
   * Everything of one kind. The kernel may change its tables between two datagrams and then says so (NLM_F_DUMP_INTR):
   * the dump is begun again, `begin` is called before each attempt. Not to be used while a `request` may come: dumps have a
   * socket of their own.
   */
  async #dump(
    what: string,
    type: number,
    fixedHeader: Uint8Array,
    attributes: readonly AttributeToSend[],
    begin: () => void,
    each: (message: NetlinkMessage) => void,
  ): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      begin();
      const sequence = ++this.#sequence;
      sendMessage(
        this.#fd,
        encodeMessage(type, NLM_F_REQUEST | NLM_F_DUMP, sequence, fixedHeader, attributes),
      );
      let interrupted = false;
      for (let done = false; !done; ) {
        const length = receiveMessage(this.#fd, this.#buffer, MSG_DONTWAIT);
        for (const message of messagesOf(this.#buffer.subarray(0, length))) {
          if (message.sequence !== sequence) continue;
          throwIfError(what, message);
          interrupted ||= (message.flags & NLM_F_DUMP_INTR) !== 0;
          if (message.type === NLMSG_DONE) done = true;
          else each(message);
        }
        await nextTurn();
      }
      // After many attempts the last answer has to do: what it missed comes as an event.
      if (!interrupted || attempt === DUMP_ATTEMPTS) return;
    }
  }

  /** A dump on a socket of its own, see `#dump`. */
  static async dump(
    what: string,
    type: number,
    fixedHeader: Uint8Array,
    attributes: readonly AttributeToSend[],
    begin: () => void,
    each: (message: NetlinkMessage) => void,
  ): Promise<void> {
    const socket = new RequestSocket();
    try {
      await socket.#dump(what, type, fixedHeader, attributes, begin, each);
    } finally {
      socket.close();
    }
  }
}
