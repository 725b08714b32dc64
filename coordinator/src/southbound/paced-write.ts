import type { Transaction } from '@iovisor-ovn/ovsdb-client';
import type { SouthboundWriter } from './writer.js';

/** Between two writes of hints: ovn-northd and every client hears of each. */
const paceMs = 20;

/**
 * A write that is asked for again and again, with a pause after each. For what agents' data planes hint at: a refused one is
 * dropped, since traffic says it again.
 */
export class PacedWrite {
  readonly #writer: SouthboundWriter;
  readonly #key: string;
  readonly #build: (transaction: Transaction) => void;
  readonly #waits: () => boolean;
  #idle = true;

  /**
   * @param key under which the writer knows it
   * @param waits whether there is more to write after the pause
   */
  constructor(
    writer: SouthboundWriter,
    key: string,
    build: (transaction: Transaction) => void,
    waits: () => boolean,
  ) {
    this.#writer = writer;
    this.#key = key;
    this.#build = build;
    this.#waits = waits;
  }

  /** There is something to write. */
  request(): void {
    if (!this.#idle) return;
    this.#idle = false;
    const dropped = () => {
      this.#idle = true;
    };
    this.#writer.queue(this.#key, { build: this.#build, settled: () => this.#pause(), dropped });
  }

  #pause(): void {
    const over = () => {
      this.#idle = true;
      if (this.#waits()) this.request();
    };
    setTimeout(over, paceMs).unref();
  }
}
