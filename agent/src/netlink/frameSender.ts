import { closeSocket, openPacketSocket, sendFrame } from './libc.js';
import { NetlinkError } from './netlinkError.js';

/** Sends frames out of devices of this namespace; the socket is there while somebody sends. */
export class FrameSender {
  #socket: number | undefined;

  /** @returns why the frame was not sent: the device is down, gone, or its queue is full */
  send(ifindex: number, frame: Buffer): string | undefined {
    try {
      this.#socket ??= openPacketSocket();
      sendFrame(this.#socket, ifindex, frame);
      return undefined;
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      return error.message;
    }
  }

  close(): void {
    if (this.#socket !== undefined) closeSocket(this.#socket);
    this.#socket = undefined;
  }
}
