import { ConnectionLostError, type Transaction, TransactionError } from '@iovisor-ovn/ovsdb-client';
import type { Logger } from 'pino';
import { WriteCounts } from './write-counts.js';

/** Name of the Southbound OVSDB lock that the leading coordinator holds. */
export const leaderLock = 'iovisor_coordinator';

/** Something to write which belongs together: all of it is done in one transaction, or none. */
export interface Write {
  /** Adds its operations. Called when the transaction is made, maybe more than once; adds none when all is well by then. */
  build(transaction: Transaction): void;
  /** Called once when it is done (or needed nothing), or with the database's reason for refusing it. */
  settled?(error?: TransactionError): void;
  /** Called instead when it is given up, because somebody else leads. */
  dropped?(): void;
}

/** What the writer needs of an OVSDB client. */
export interface WriterClient {
  transaction(): Transaction;
}

const maxOperations = 1000;
/** After a lost connection or lock, unless the owner says before that it is back. */
const retryMs = 200;

/**
 * Writes to Southbound, one transaction at a time, asserting the leader lock. What is queued meanwhile goes out
 * together in the next one, in the order it was queued; a later write with the same key takes the place of the earlier. When a transaction is
 * refused its writes are tried one by one, so that a bad one does not hold up the others.
 */
export class SouthboundWriter {
  readonly counts = new WriteCounts();
  readonly #client: WriterClient;
  readonly #log: Logger;
  readonly #pending = new Map<string, Write>();
  #inFlight: ReadonlyMap<string, Write> = new Map();
  #open = false;
  #busy = false;
  /** Counts up when what waits is given up. */
  #term = 0;
  #paused = false;
  /** When what is pending has to go; Infinity when nothing is. */
  #due = Number.POSITIVE_INFINITY;
  #timer?: NodeJS.Timeout;

  constructor(client: WriterClient, log: Logger) {
    this.#client = client;
    this.#log = log;
  }

  /**
   * Queues a write under `key`. It is sent at the end of this turn of the event loop, or when the one in flight is done.
   * One with `patienceMs` waits at most that long for others to go with it: each transaction costs ovn-northd a pass
   * over everything.
   */
  queue(key: string, write: Write, patienceMs = 0): void {
    this.counts.asked(key);
    this.#pending.set(key, write);
    this.#setDue(patienceMs === 0 ? 0 : performance.now() + patienceMs);
  }

  /** Nothing more will come that is worth waiting for. */
  hurry(): void {
    if (this.#pending.size > 0) this.#setDue(0);
  }

  /** True while a write with this key waits or is in flight. */
  isPending(key: string): boolean {
    return this.#pending.has(key) || this.#inFlight.has(key);
  }

  /** Writing is possible: connected, and the lock is ours. Until then what is queued waits. */
  setOpen(open: boolean): void {
    this.#open = open;
    this.#schedule();
  }

  /** Somebody else leads: what waits was meant for a Southbound that may be another when this coordinator leads again. */
  drop(): void {
    this.#term++;
    const dropped = [...this.#pending];
    this.#pending.clear();
    this.#due = Number.POSITIVE_INFINITY;
    for (const [key, write] of dropped) this.#dropped(key, write);
  }

  #dropped(key: string, write: Write): void {
    this.counts.dropped(key, this.#pending.has(key));
    write.dropped?.();
  }

  #setDue(due: number): void {
    if (due < this.#due) {
      this.#due = due;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#busy || this.#paused || !this.#open || this.#pending.size === 0) return;
    const waitMs = this.#due - performance.now();
    if (waitMs > 0) {
      this.#timer ??= setTimeout(() => this.#setDue(0), waitMs).unref();
      return;
    }
    this.#busy = true;
    // The rest of the change that caused this write comes in the same turn.
    setImmediate(() => void this.#run());
  }

  async #run(): Promise<void> {
    try {
      while (this.#isDue) await this.#flush();
    } finally {
      this.#busy = false;
    }
    this.#schedule();
  }

  get #isDue(): boolean {
    return this.#open && !this.#paused && this.#pending.size > 0 && this.#due <= performance.now();
  }

  async #flush(): Promise<void> {
    this.#due = Number.POSITIVE_INFINITY;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const transaction = this.#begin();
    const batch = new Map<string, Write>();
    for (const [key, write] of this.#pending) {
      if (transaction.size > maxOperations) {
        this.#due = 0;
        break;
      }
      this.#pending.delete(key);
      const size = transaction.size;
      write.build(transaction);
      if (transaction.size === size) this.#done(key, write);
      else batch.set(key, write);
    }
    if (batch.size === 0) return;
    this.#inFlight = batch;
    await this.#finish(transaction, batch);
    this.#inFlight = new Map();
  }

  async #finish(transaction: Transaction, batch: ReadonlyMap<string, Write>): Promise<void> {
    const term = this.#term;
    const error = await this.#commit(transaction);
    if (error === undefined) for (const [key, write] of batch) this.#done(key, write);
    else if (term !== this.#term) for (const [key, write] of batch) this.#dropped(key, write);
    else if (!(error instanceof TransactionError)) this.#requeue(batch);
    else if (batch.size === 1) this.#refused(batch, error);
    else for (const [key, write] of batch) await this.#alone(key, write, term);
  }

  async #alone(key: string, write: Write, term: number): Promise<void> {
    if (term !== this.#term) return this.#dropped(key, write);
    const transaction = this.#begin();
    const size = transaction.size;
    write.build(transaction);
    const error = transaction.size === size ? undefined : await this.#commit(transaction);
    if (error === undefined) this.#done(key, write);
    else if (term !== this.#term) this.#dropped(key, write);
    else if (error instanceof TransactionError) this.#refused(new Map([[key, write]]), error);
    else this.#requeue(new Map([[key, write]]));
  }

  #begin(): Transaction {
    return this.#client.transaction().assertLock(leaderLock);
  }

  /** Resolves with the error, if any: what the database refused, or a lost connection. */
  async #commit(transaction: Transaction): Promise<TransactionError | ConnectionLostError | undefined> {
    try {
      await transaction.commit();
      this.counts.transactions.committed++;
      return undefined;
    } catch (error) {
      this.counts.transactions[isFinal(error) ? 'refused' : 'retried']++;
      if (error instanceof ConnectionLostError || error instanceof TransactionError) return error;
      // A value that does not fit the schema: nothing was sent.
      return new TransactionError('invalid', (error as Error).message);
    }
  }

  #refused(batch: ReadonlyMap<string, Write>, error: TransactionError): void {
    if (!isFinal(error)) {
      this.#requeue(batch);
      return;
    }
    for (const [key, write] of batch) {
      this.#log.warn({ write: key, error: error.message }, 'Southbound refused a write');
      this.counts.refused(key, this.#pending.has(key));
      write.settled?.(error);
    }
  }

  #done(key: string, write: Write): void {
    this.counts.done(key, this.#pending.has(key));
    write.settled?.();
  }

  /** Its fate is unknown or it was not ours to write: it is built anew, from the rows as they are, when writing is possible. */
  #requeue(batch: ReadonlyMap<string, Write>): void {
    // Before what was queued later: a chassis must not say that it is done before the bindings which that was about.
    const later = [...this.#pending];
    this.counts.writes.retried += batch.size;
    this.#pending.clear();
    for (const [key, write] of [...batch, ...later]) this.#pending.set(key, write);
    this.#due = 0;
    this.#paused = true;
    const resume = () => {
      this.#paused = false;
      this.#schedule();
    };
    setTimeout(resume, retryMs).unref();
  }
}

/** Whether it makes no sense to try again: the database does not want it. */
function isFinal(error: unknown): boolean {
  if (error instanceof ConnectionLostError) return false;
  return !(error instanceof TransactionError) || (error.code !== 'not owner' && !error.maybeCommitted);
}
