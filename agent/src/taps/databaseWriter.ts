import {
  type Client,
  ConnectionLostError,
  type Transaction,
  TransactionError,
} from '@iovisor-ovn/ovsdb-client';
import type { Log } from '../netlink/index.js';

/** Adds the operations that bring the database to what it should be; none when it is. */
export type BuildTransaction = (transaction: Transaction) => void;

export interface DatabaseWriterOptions {
  readonly client: Client;
  readonly log: Log;
  /** Name of the lock that must be held for every write. */
  readonly lock: string;
  /** Each is a transaction of its own, in this order: one that the database refuses does not hold up the others. */
  readonly steps: readonly BuildTransaction[];
  /** Called when a step failed and everything it would have written must be considered again. */
  readonly onFailure: (error: Error) => void;
}

const RETRY_MS = { min: 250, max: 8000 };

/**
 * Writes what is wanted, one transaction at a time; what is asked for meanwhile is written together afterwards. A connection
 * that is lost ends the attempt: what is wanted is asked for anew when the database is back.
 */
export class DatabaseWriter {
  readonly #options: DatabaseWriterOptions;
  #enabled = false;
  #wanted = false;
  #busy = false;
  #retryMs = RETRY_MS.min;
  #retry: NodeJS.Timeout | undefined;
  /** Steps that were refused and wait for another try. */
  readonly #paused = new Set<BuildTransaction>();

  constructor(options: DatabaseWriterOptions) {
    this.#options = options;
  }

  get enabled(): boolean {
    return this.#enabled;
  }

  /** Nothing is written unless enabled. */
  enable(enabled: boolean): void {
    this.#enabled = enabled;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#retryMs = RETRY_MS.min;
    this.#paused.clear();
  }

  /** Something may have to be written. */
  request(): void {
    this.#wanted = true;
    if (!this.#busy) void this.#run();
  }

  async #run(): Promise<void> {
    this.#busy = true;
    while (this.#wanted && this.#enabled) {
      this.#wanted = false;
      for (const step of this.#options.steps) if (!this.#paused.has(step)) await this.#write(step);
    }
    this.#busy = false;
  }

  async #write(step: BuildTransaction): Promise<void> {
    const { client, lock, log, onFailure } = this.#options;
    const transaction = client.transaction().assertLock(lock);
    step(transaction);
    if (transaction.size === 1 || !this.#enabled) return;
    try {
      await transaction.commit();
      if (this.#paused.size === 0) this.#retryMs = RETRY_MS.min;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      onFailure(error);
      // The replica comes again, or the lock: then everything is looked at anew.
      if (error instanceof ConnectionLostError) return;
      if (error instanceof TransactionError && error.code === 'not owner') return;
      log.error({ error: error.message }, 'the local Open_vSwitch database refuses a change; trying again');
      this.#tryLater(step);
    }
  }

  #tryLater(step: BuildTransaction): void {
    this.#paused.add(step);
    if (this.#retry !== undefined) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#paused.clear();
      this.request();
    }, this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS.max);
  }
}
