import { byUuid, type Transaction } from '@iovisor-ovn/ovsdb-client';
import type { LearnedMacs } from '../logic/learned-macs.js';
import { PacedWrite } from './paced-write.js';
import type { SouthboundWriter } from './writer.js';

/** What one hypervisor may have waiting; what comes on top is dropped: traffic repeats it. */
const maxPending = 1000;
/** Of each hypervisor in one transaction, and of all together. */
const maxPerChassis = 50;
const maxPerWrite = 500;
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
  /** By chassis name, then by datapath and MAC. */
  readonly #pending = new Map<string, Map<string, Learned>>();
  /** Written, and the row not seen yet; with the time of the write. */
  readonly #written = new Map<string, Learned & { at: number }>();
  #dropped = 0;

  constructor(macs: LearnedMacs, writer: SouthboundWriter) {
    this.#macs = macs;
    this.#writes = new PacedWrite(
      writer,
      writeKey,
      (transaction) => this.#build(transaction),
      () => this.#pending.size > 0,
    );
  }

  /** Number of observations that were dropped because too many waited. */
  get dropped(): number {
    return this.#dropped;
  }

  /** `mac`: lower case, with colons. Keys: tunnel keys of datapath and port. */
  learn(chassis: string, datapathKey: number, portKey: number, mac: string): void {
    const key = `${datapathKey} ${mac}`;
    const pending = this.#pending.get(chassis) ?? new Map<string, Learned>();
    const known = this.#written.get(key) ?? row(this.#macs, datapathKey, mac);
    if (known?.portKey === portKey) {
      pending.delete(key);
      return;
    }
    if (pending.size >= maxPending && !pending.has(key)) {
      this.#dropped++;
      return;
    }
    pending.set(key, { datapathKey, mac, portKey });
    this.#pending.set(chassis, pending);
    this.#writes.request();
  }

  /** The chassis has no session any more: what it saw is seen again, or was not true. */
  forget(chassis: string): void {
    this.#pending.delete(chassis);
  }

  #build(transaction: Transaction): void {
    this.#forgetEchoes();
    let left = maxPerWrite;
    for (const [chassis, pending] of [...this.#pending]) {
      const some = [...take(pending, Math.min(left, maxPerChassis))];
      for (const [key, learned] of some) {
        // Its last write must be seen first: one that is under way would be undone by chance.
        if (this.#written.has(key)) continue;
        pending.delete(key);
        left -= this.#write(transaction, key, learned);
      }
      // Next time others come first.
      this.#pending.delete(chassis);
      if (pending.size > 0) this.#pending.set(chassis, pending);
      if (left <= 0) break;
    }
  }

  #write(transaction: Transaction, key: string, learned: Learned): number {
    const { datapathKey, mac, portKey } = learned;
    const known = this.#macs.find(datapathKey, mac);
    if (known?.port_key === portKey) return 0;
    if (known) transaction.update('FDB', [byUuid(known._uuid)], { port_key: portKey });
    else transaction.insert('FDB', { mac, dp_key: datapathKey, port_key: portKey });
    this.#written.set(key, { ...learned, at: performance.now() });
    return 1;
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

function* take<K, V>(map: ReadonlyMap<K, V>, count: number): Generator<[K, V]> {
  for (const entry of map) {
    if (count-- <= 0) return;
    yield entry;
  }
}
