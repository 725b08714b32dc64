import { EventEmitter } from 'node:events';
import type { Client } from '../client.js';
import type { Session } from '../connection/session.js';
import { emitSafely } from '../emitSafely.js';
import type { Condition } from '../schema/condition.js';
import type { GenericRow } from '../schema/rowCodec.js';
import type { DatabaseSchema } from '../schema/schemaTypes.js';
import { applyChanges } from './applyChanges.js';
import type { AnyChange, Change, ChangeMeta, GenericTables, ReplicaProblem, TableTypes } from './change.js';
import { ConditionQueue } from './conditionQueue.js';
import { DesyncError } from './desyncError.js';
import { Monitor, type MonitorUpdate } from './monitor.js';
import { monitorRequests } from './monitorRequests.js';
import { ReplicaTable } from './replicaTable.js';
import { rowSelector, TableInterest, type TableOptions } from './tableInterest.js';
import { type MonitoredTable, readSnapshot, readUpdate } from './updateReader.js';

export interface ReplicaOptions<T extends TableTypes> {
  /** The tables to have. A table which the database does not have is reported and stays empty. */
  readonly tables: { readonly [K in keyof T]?: TableOptions };
}

/** What a Replica emits. */
export interface ReplicaEvents<T extends TableTypes> {
  /** One call per database transaction, or per reload: the tables are as after it. */
  change: [batch: readonly Change<T>[], meta: ChangeMeta];
  /** The rows are those of the server now. */
  synced: [];
  /** The connection is lost: the rows stay as they are. */
  stale: [reason: Error];
  /** A value, column or table that could not be taken over. */
  problem: [problem: ReplicaProblem];
}

let replicas = 0;

/**
 * Holds the rows of some tables of a database and follows their changes, across reconnects: with the server's help from
 * the last transaction on, otherwise by comparing everything; the rows are never wiped.
 */
export class Replica<T extends TableTypes = GenericTables> extends EventEmitter<ReplicaEvents<T>> {
  /** Resolves when the first snapshot is in; rejects when the replica is stopped before. */
  readonly ready: Promise<void>;
  readonly #client: Client;
  readonly #id = `replica${++replicas}`;
  readonly #interests = new Map<string, TableInterest>();
  readonly #tables = new Map<string, ReplicaTable<GenericRow>>();
  readonly #conditions: ConditionQueue;
  readonly #onConnected = () => void this.#begin();
  readonly #onDisconnected = (reason: Error) => this.#end(reason);
  #resolveReady!: () => void;
  #rejectReady!: (error: Error) => void;
  #monitor: Monitor | undefined;
  #monitors = 0;
  #monitored = new Map<string, MonitoredTable>();
  #schema: DatabaseSchema | undefined;
  #work: Promise<void> = Promise.resolve();
  #started = false;
  #stopped = false;
  #loaded = false;
  #synced = false;
  #lastTransactionId: string | undefined;

  constructor(client: Client, options: ReplicaOptions<T>) {
    super();
    this.#client = client;
    for (const [name, table] of Object.entries<TableOptions | undefined>(options.tables)) {
      if (!table) continue;
      this.#interests.set(name, new TableInterest(name, table));
      this.#tables.set(name, new ReplicaTable(name));
    }
    this.#conditions = new ConditionQueue(this.#interests);
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    this.ready.catch(() => undefined);
  }

  /** True while connected and current. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Id of the last transaction in the rows held; undefined when the server does not tell. */
  get lastTransactionId(): string | undefined {
    return this.#lastTransactionId;
  }

  /** Begins to monitor, now or as soon as the client is connected. */
  start(): void {
    if (this.#started || this.#stopped) return;
    this.#started = true;
    this.#client.locators.add(this);
    this.#client.on('connected', this.#onConnected);
    this.#client.on('disconnected', this.#onDisconnected);
    if (this.#client.session) void this.#begin();
  }

  /** Ends monitoring for good; the rows stay. No event comes any more. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#client.locators.delete(this);
    this.#client.off('connected', this.#onConnected);
    this.#client.off('disconnected', this.#onDisconnected);
    this.#monitor?.cancel();
    this.#monitor = undefined;
    this.#synced = false;
    const error = new Error('the replica was stopped');
    this.#conditions.fail(error);
    this.#rejectReady(error);
  }

  /** The table `name`; throws TypeError when the replica was not made for it. */
  table<K extends keyof T & string>(name: K): ReplicaTable<T[K]> {
    const table = this.#tables.get(name);
    if (!table) throw new TypeError(`this replica has no table ${name}`);
    return table as unknown as ReplicaTable<T[K]>;
  }

  /** @internal See RowLocator. */
  tableOf(uuid: string): string | undefined {
    for (const table of this.#tables.values()) if (table.get(uuid)) return table.name;
    return undefined;
  }

  /**
   * Changes which rows of a table to have: those that match any of the clauses, all when empty. Resolves when the rows
   * it adds are in (also after a reconnect), or when a later call for the same table has taken its place; rejects when
   * the condition is not valid or the replica is stopped.
   */
  setCondition(table: keyof T & string, where: readonly Condition[]): Promise<void> {
    if (!this.#interests.has(table))
      return Promise.reject(new TypeError(`this replica has no table ${table}`));
    if (this.#stopped) return Promise.reject(new Error('the replica was stopped'));
    const done = this.#conditions.want(table, where, this.#schema?.tables.get(table));
    this.#sendConditions();
    return done;
  }

  async #begin(): Promise<void> {
    // What the connection before brought may still be worked in.
    await this.#work.catch(() => undefined);
    const session = this.#client.session;
    if (!session || this.#stopped || session.rpc.closeReason || this.#monitor) return;
    if (this.#schema !== undefined && this.#schema !== this.#client.schema)
      this.#lastTransactionId = undefined;
    this.#schema = this.#client.schema!;
    if (this.#conditions.uncertain) this.#lastTransactionId = undefined;
    this.#conditions.begin(this.#lastTransactionId !== undefined);
    this.#monitored = this.#monitoredTables(this.#schema);
    this.#open(session);
  }

  #open(session: Session): void {
    const schema = this.#schema!;
    const monitor: Monitor = new Monitor({
      rpc: session.rpc,
      database: this.#client.database,
      id: `${this.#id}.${++this.#monitors}`,
      requests: (withConditions) => monitorRequests(schema, this.#interests, this.#monitored, withConditions),
      since: this.#lastTransactionId,
      onUpdate: async (update) => {
        // What comes of a monitor that was given up is of no use: its successor starts where the rows are.
        if (this.#monitor !== monitor) return;
        this.#work = this.#take(monitor, update).catch((error: Error) => this.#failed(error));
        await this.#work;
      },
    });
    this.#monitor = monitor;
  }

  #monitoredTables(schema: DatabaseSchema): Map<string, MonitoredTable> {
    const monitored = new Map<string, MonitoredTable>();
    for (const interest of this.#interests.values()) {
      const table = interest.name;
      const problem = (message: string, column?: string, uuid?: string) =>
        emitSafely<ReplicaEvents<GenericTables>, 'problem'>(this as never, 'problem', {
          table,
          uuid,
          column,
          message,
        });
      const tableSchema = schema.tables.get(table);
      if (!tableSchema) {
        problem(`database ${schema.name} has no table ${table}`);
        continue;
      }
      monitored.set(table, {
        rows: this.#tables.get(table)!,
        codec: interest.codec(tableSchema, (column, message) => problem(message, column)),
        selects: rowSelector(tableSchema, interest.acknowledged),
        report: (uuid, column, message) => problem(message, column || undefined, uuid || undefined),
      });
    }
    return monitored;
  }

  async #take(monitor: Monitor, update: MonitorUpdate): Promise<void> {
    const { kind, format, tables, txnId } = update;
    const snapshot = kind === 'snapshot';
    const first = !monitor.ready;
    const changes = await (snapshot ? readSnapshot : readUpdate)(this.#monitored, tables, format);
    await applyChanges((name) => this.#tables.get(name)!, changes);
    if (snapshot || txnId !== undefined) this.#lastTransactionId = txnId;
    if (this.#stopped) return;
    const initial = !this.#loaded;
    this.#loaded = true;
    if (changes.length > 0 || snapshot)
      this.#emitChange(changes, { initial, reload: snapshot && !initial, txnId });
    if (first && this.#monitor === monitor) this.#caughtUp();
  }

  #caughtUp(): void {
    this.#synced = true;
    this.#conditions.settle();
    this.#resolveReady();
    emitSafely<ReplicaEvents<GenericTables>, 'synced'>(this as never, 'synced');
    this.#sendConditions();
  }

  #emitChange(changes: readonly AnyChange[], meta: ChangeMeta): void {
    emitSafely<ReplicaEvents<GenericTables>, 'change'>(this as never, 'change', changes as Change[], meta);
  }

  #sendConditions(): void {
    const monitor = this.#monitor;
    const session = this.#client.session;
    if (!monitor || !session || !this.#synced || !this.#schema || !this.#conditions.pending) return;
    if (monitor.method !== 'monitor') {
      void this.#conditions.send(monitor, this.#schema).then(() => this.#sendConditions());
      return;
    }
    // This method knows no conditions: monitor anew, the difference is what the new condition adds and removes.
    monitor.cancel();
    this.#synced = false;
    this.#conditions.begin(false);
    this.#monitored = this.#monitoredTables(this.#schema);
    this.#open(session);
  }

  #failed(error: Error): void {
    if (error instanceof DesyncError) this.#lastTransactionId = undefined;
    throw error;
  }

  #end(reason: Error): void {
    this.#monitor = undefined;
    this.#conditions.interrupted();
    if (!this.#synced) return;
    this.#synced = false;
    emitSafely<ReplicaEvents<GenericTables>, 'stale'>(this as never, 'stale', reason);
  }
}
