import { setImmediate as nextTurn } from 'node:timers/promises';
import { IFLA_GROUP, NLM_F_ACK, RTM_DELLINK } from './constants.js';
import { linkHeader } from './link.js';
import type { Log } from './log.js';
import { u32 } from './message.js';
import { NetlinkError } from './netlinkError.js';
import { RequestSocket } from './requestSocket.js';

/** Group of the devices that are to be removed: the kernel removes a group in the time that it takes for one device. */
export const DOOMED = 0x696f7664; // "iovd"

/** Removes devices of the group DOOMED, aside: a thread of its own waits for the kernel's grace periods. */
export class Removals {
  readonly #log: Log;
  #wanted = false;
  #done: Promise<void> | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Resolves when nothing is left to remove; undefined when nothing is. */
  get done(): Promise<void> | undefined {
    return this.#done;
  }

  /** There are devices in the group. */
  request(): void {
    this.#wanted = true;
    this.#done ??= this.#run();
  }

  async #run(): Promise<void> {
    // More of this turn join the group.
    await nextTurn();
    while (this.#wanted) {
      this.#wanted = false;
      await this.#remove();
    }
    this.#done = undefined;
  }

  async #remove(): Promise<void> {
    let socket: RequestSocket | undefined;
    try {
      socket = new RequestSocket();
      await socket.requestAside('remove devices', RTM_DELLINK, NLM_F_ACK, linkHeader(0), [
        [IFLA_GROUP, u32(DOOMED)],
      ]);
    } catch (error) {
      // ENODEV: they are gone already.
      if (error instanceof NetlinkError && error.code === 'ENODEV') return;
      this.#log.warn({ error: String(error) }, 'devices cannot be removed');
    } finally {
      socket?.close();
    }
  }
}
