import { byUuid, type Transaction } from '@iovisor-ovn/ovsdb-client';
import { defaultIdleTimeout, defaultTableSize } from '../logic/multicast.js';
import type { PortState, Southbound, SwitchState } from '../logic/southbound.js';
import { FairQueue } from './fair-queue.js';
import { PacedWrite } from './paced-write.js';
import { type SnoopLimits, SnoopTable } from './snoop-table.js';
import type { SouthboundWriter } from './writer.js';

/** How long the row that a write made, or its end, is waited for. */
const echoMs = 1000;
const expiryMs = 1000;
const writeKey = 'igmp';

/** A row that was made (no uuid) or deleted, and the replica has not seen it. */
interface Echo {
  at: number;
  deleted?: string;
}

interface Entry {
  chassis: string;
  datapath: string;
  address: string;
}

/**
 * Keeps Southbound's IGMP_Group: for each chassis of ours, datapath and address the ports that joined, as its ovn-controller
 * would. The rows are the memory: a chassis that connects, here or to a coordinator that was started anew, goes on with what they
 * say, and has the whole idle timeout to say it again. While it is not connected nothing expires: nobody would hear the reports.
 */
export class MulticastLearner {
  readonly #southbound: Southbound;
  readonly #writes: PacedWrite;
  /** By chassis name, then datapath uuid; of connected chassis. */
  readonly #tables = new Map<string, Map<string, SnoopTable>>();
  /** To be written. */
  readonly #dirty = new FairQueue<Entry>();
  readonly #echoes = new Map<string, Echo>();
  #timer?: NodeJS.Timeout;

  constructor(southbound: Southbound, writer: SouthboundWriter) {
    this.#southbound = southbound;
    this.#writes = new PacedWrite(
      writer,
      writeKey,
      (transaction) => this.#build(transaction),
      () => !this.#dirty.isEmpty,
    );
  }

  /** The chassis has a session: what its rows say is taken as if it were said now. */
  adopt(chassis: string): void {
    if (this.#tables.has(chassis)) return;
    this.#tables.set(chassis, new Map());
    const uuid = this.#southbound.chassis.get(chassis)?.row._uuid;
    for (const { datapath, address, ports } of uuid === undefined
      ? []
      : this.#southbound.igmpGroups.of(uuid)) {
      const state = this.#southbound.switches.get(datapath!);
      if (state?.multicast?.enabled)
        for (const port of ports)
          this.#changed(
            chassis,
            state,
            this.#tableOf(chassis, state).join(address, port, performance.now(), limitsOf(state)),
          );
      // What must not be there any more, or not so, is put right.
      this.#mark({ chassis, datapath: datapath!, address });
    }
  }

  /** The chassis has no session any more. */
  forget(chassis: string): void {
    this.#tables.delete(chassis);
    this.#dirty.forget(chassis);
  }

  /** The machine at `port` joined `address`, or left it. */
  take(chassis: string, port: PortState, address: string, left: boolean): void {
    const state = port.switch;
    if (!state.multicast?.enabled || !this.#tables.has(chassis)) return;
    const table = this.#tableOf(chassis, state);
    const { _uuid: uuid } = port.row;
    const changed = left
      ? table.leave(address, uuid)
      : table.join(address, uuid, performance.now(), limitsOf(state));
    this.#changed(chassis, state, changed);
    // The row may have been lost meanwhile.
    if (!left && changed.length === 0 && !this.#isWritten(chassis, state, address, uuid))
      this.#mark({ chassis, datapath: state.uuid, address });
  }

  /** The switch's IP_Multicast row is another: it snoops no more, or what was learned is to be flushed. */
  configChanged(state: SwitchState, flush: boolean): void {
    if (state.multicast?.enabled && !flush) return;
    for (const [chassis, tables] of this.#tables)
      this.#changed(chassis, state, tables.get(state.uuid)?.clear() ?? []);
  }

  #tableOf(chassis: string, { uuid }: SwitchState): SnoopTable {
    const tables = this.#tables.get(chassis)!;
    let table = tables.get(uuid);
    if (!table) {
      table = new SnoopTable();
      tables.set(uuid, table);
    }
    this.#timer ??= setInterval(() => this.#expire(), expiryMs).unref();
    return table;
  }

  #expire(): void {
    const now = performance.now();
    for (const [key, { at }] of this.#echoes) if (now - at > echoMs) this.#echoes.delete(key);
    let any = false;
    for (const [chassis, tables] of this.#tables)
      for (const [datapath, table] of tables) {
        for (const address of table.expire(now)) this.#mark({ chassis, datapath, address });
        if (table.isEmpty) tables.delete(datapath);
        else any = true;
      }
    if (any) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #changed(chassis: string, { uuid: datapath }: SwitchState, addresses: readonly string[]): void {
    for (const address of addresses) this.#mark({ chassis, datapath, address });
  }

  #mark(entry: Entry): void {
    this.#dirty.put(entry.chassis, keyOf(entry), entry);
    this.#writes.request();
  }

  #build(transaction: Transaction): void {
    // Its last write must be seen first.
    for (const [key, entry] of this.#dirty.take((one, waiting) => !this.#awaitsEcho(one, waiting)))
      this.#write(transaction, key, entry);
  }

  #write(transaction: Transaction, key: string, entry: Entry): void {
    const chassis = this.#southbound.chassis.get(entry.chassis)?.row._uuid;
    if (chassis === undefined) return;
    const { datapath, address } = entry;
    const row = this.#southbound.igmpGroups.find(chassis, datapath, address);
    const ports = this.#wanted(entry);
    if (ports.length === 0) {
      if (!row) return;
      transaction.delete('IGMP_Group', [byUuid(row._uuid)]);
      this.#echoes.set(key, { at: performance.now(), deleted: row._uuid });
    } else if (!row) {
      transaction.insert('IGMP_Group', { address, datapath, chassis, ports });
      this.#echoes.set(key, { at: performance.now() });
    } else if (row.ports.length !== ports.length || !ports.every((port) => row.ports.includes(port))) {
      transaction.update('IGMP_Group', [byUuid(row._uuid)], { ports });
    }
  }

  /** Ports that are there still: a row cannot name others. */
  #wanted({ chassis, datapath, address }: Entry): string[] {
    const ports = this.#tables.get(chassis)?.get(datapath)?.portsOf(address) ?? [];
    return ports.filter((uuid) => this.#southbound.ports.get(uuid)?.switch.uuid === datapath);
  }

  #isWritten(chassis: string, { uuid: datapath }: SwitchState, address: string, port: string): boolean {
    const entry = { chassis, datapath, address };
    const key = keyOf(entry);
    if (this.#dirty.has(chassis, key) || this.#awaitsEcho(key, entry)) return true;
    const uuid = this.#southbound.chassis.get(chassis)?.row._uuid;
    const table = this.#tables.get(chassis)?.get(datapath);
    // A router's port is in no other group.
    if (uuid === undefined || !table?.portsOf(address).includes(port)) return true;
    return this.#southbound.igmpGroups.find(uuid, datapath, address)?.ports.includes(port) ?? false;
  }

  /** Whether the last write of this row was not seen yet, and may still come. */
  #awaitsEcho(key: string, { chassis, datapath, address }: Entry): boolean {
    const echo = this.#echoes.get(key);
    if (!echo) return false;
    const { igmpGroups, chassis: all } = this.#southbound;
    const uuid = all.get(chassis)?.row._uuid ?? '';
    const seen =
      echo.deleted === undefined
        ? igmpGroups.find(uuid, datapath, address) !== undefined
        : !igmpGroups.has(echo.deleted);
    if (!seen && performance.now() - echo.at <= echoMs) return true;
    this.#echoes.delete(key);
    return false;
  }
}

function keyOf({ chassis, datapath, address }: Entry): string {
  return `${datapath} ${address} ${chassis}`;
}

function limitsOf({ multicast }: SwitchState): SnoopLimits {
  return {
    idleMs: (multicast?.idle_timeout ?? defaultIdleTimeout) * 1000,
    tableSize: multicast?.table_size ?? defaultTableSize,
  };
}
