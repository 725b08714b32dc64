import { SO_MARK, SOL_SOCKET } from '../../netlink/constants.js';
import { closeSocket, openPacketSocket, sendFrame, setSocketOption } from '../../netlink/libc.js';

/** Sends frames out of one device, each with a mark; receives nothing. */
export class PacketSocket {
  readonly #fd = openPacketSocket();
  #ifindex = 0;

  /** The device is this one from now on. */
  use(ifindex: number): void {
    this.#ifindex = ifindex;
  }

  /** @throws NetlinkError what the kernel said: ENOBUFS or EAGAIN when too many are under way */
  send(frame: Buffer, mark: number): void {
    // The option is an int; a mark is its bits.
    setSocketOption(this.#fd, SOL_SOCKET, SO_MARK, mark | 0);
    sendFrame(this.#fd, this.#ifindex, frame);
  }

  close(): void {
    closeSocket(this.#fd);
  }
}
