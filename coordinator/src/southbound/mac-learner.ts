import { byUuid, type Transaction } from '@iovisor-ovn/ovsdb-client';
import type { LearnedMacs } from '../logic/learned-macs.js';
import { FairQueue } from './fair-queue.js';
import { PacedWrite } from './paced-write.js';
import type { SouthboundWriter } from './writer.js';

/** What one hypervisor may have waiting; what comes on top is dropped: traffic repeats it. */
const maxPending = 1000;
/** How long the row that a write made is waited for. */
const echoMs = 1000;
const writeKey = 'fdb';

interface Learned {
  datapathKey: number;
  mac: string;
  portKey: number;
}

/**
 * Writes learned MACs to Southbound's FDB: one row per MAC and datapath, updated when the MAC moves. Bounded and fair:
 * one hypervisor that reports without end neither grows this nor holds up what others report.
 */
export class MacLearner {
  readonly #macs: LearnedMacs;
  readonly #writes: PacedWrite;
  /** By datapath and MAC. */
  readonly #pending = new FairQueue<Learned>();
  /** Written, and the row not seen yet; with the time of the write. */
  readonly #written = new Map<string, Learned & { at: number }>();
  #dropped = 0;

  constructor(macs: LearnedMacs, writer: SouthboundWriter) {
    this.#macs = macs;
    this.#writes = new PacedWrite(
      writer,
      writeKey,
      (transaction) => this.#build(transaction),
      () => !this.#pending.isEmpty,
    );
  }

  /** Number of observations that were dropped because too many waited. */
  get dropped(): number {
    return this.#dropped;
  }

  /** `mac`: lower case, with colons. Keys: tunnel keys of datapath and port. */
  learn(chassis: string, datapathKey: number, portKey: number, mac: string): void {
    const key = `${datapathKey} ${mac}`;
    const known = this.#written.get(key) ?? row(this.#macs, datapathKey, mac);
    if (known?.portKey === portKey) {
      this.#pending.delete(chassis, key);
      return;
    }
    if (this.#pending.count(chassis) >= maxPending && !this.#pending.has(chassis, key)) {
      this.#dropped++;
      return;
    }
    this.#pending.put(chassis, key, { datapathKey, mac, portKey });
    this.#writes.request();
  }

  /** The chassis has no session any more: what it saw is seen again, or was not true. */
  forget(chassis: string): void {
    this.#pending.forget(chassis);
  }

  #build(transaction: Transaction): void {
    this.#forgetEchoes();
    // Its last write must be seen first: one that is under way would be undone by chance.
    for (const [key, learned] of this.#pending.take((one) => !this.#written.has(one)))
      this.#write(transaction, key, learned);
  }

  #write(transaction: Transaction, key: string, learned: Learned): void {
    const { datapathKey, mac, portKey } = learned;
    const known = this.#macs.find(datapathKey, mac);
    if (known?.port_key === portKey) return;
    if (known) transaction.update('FDB', [byUuid(known._uuid)], { port_key: portKey });
    else transaction.insert('FDB', { mac, dp_key: datapathKey, port_key: portKey });
    this.#written.set(key, { ...learned, at: performance.now() });
  }

  /** Rows that came, and those that did not in good time. */
  #forgetEchoes(): void {
    const now = performance.now();
    for (const [key, { datapathKey, mac, portKey, at }] of this.#written)
      if (this.#macs.find(datapathKey, mac)?.port_key === portKey || now - at > echoMs)
        this.#written.delete(key);
  }
}

function row(macs: LearnedMacs, datapathKey: number, mac: string): { portKey: number } | undefined {
  const found = macs.find(datapathKey, mac);
  return found && { portKey: found.port_key };
}
