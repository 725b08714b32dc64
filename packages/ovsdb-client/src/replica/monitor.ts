import { ConnectionLostError, RpcError } from '../connection/errors.js';
import type { RpcConnection } from '../connection/rpcConnection.js';
import type { JsonObject, JsonValue } from '../wire/json.js';
import type { MaybeLarge } from '../wire/large.js';
import { arrayItems } from '../wire/rpcMessage.js';
import { WireError } from '../wire/wireError.js';
import type { UpdateFormat } from './updateReader.js';

/** What a monitor brings: all rows, or the changes since what is held. */
export interface MonitorUpdate {
  readonly kind: 'snapshot' | 'changes';
  readonly format: UpdateFormat;
  readonly tables: MaybeLarge;
  /** Id of the last transaction included; undefined when the server does not tell. */
  readonly txnId: string | undefined;
}

export interface MonitorOptions {
  readonly rpc: RpcConnection;
  readonly database: string;
  /** Unique on this connection. */
  readonly id: string;
  /** The monitor requests per table; without conditions for the method "monitor", which knows none. */
  readonly requests: (withConditions: boolean) => JsonObject;
  /** Id of the transaction up to which the rows are held. */
  readonly since: string | undefined;
  /** Takes updates in their order; the first one is the reply. */
  readonly onUpdate: (update: MonitorUpdate) => Promise<void>;
}

export type MonitorMethod = 'monitor_cond_since' | 'monitor_cond' | 'monitor';

const OLDER: Record<MonitorMethod, MonitorMethod | undefined> = {
  monitor_cond_since: 'monitor_cond',
  monitor_cond: 'monitor',
  monitor: undefined,
};

const ZERO_UUID = '00000000-0000-0000-0000-000000000000';

/** One monitor on one connection (RFC 7047 section 4.1.5), with the best method that the server has. */
export class Monitor {
  /** The method in use, or being tried. */
  method: MonitorMethod = 'monitor_cond_since';
  readonly #options: MonitorOptions;
  readonly #handlers: readonly (() => void)[];
  #ready = false;
  #early: MonitorUpdate[] = [];

  constructor(options: MonitorOptions) {
    this.#options = options;
    const { rpc, id } = options;
    this.#handlers = [
      rpc.onNotification('update', ([, tables]) => this.#notified(1, tables, undefined), id),
      rpc.onNotification('update2', ([, tables]) => this.#notified(2, tables, undefined), id),
      rpc.onNotification('update3', ([, txn, tables]) => this.#notified(2, tables, transactionId(txn)), id),
      rpc.onNotification(
        'monitor_canceled',
        () => rpc.close(new Error('the server canceled the monitor')),
        id,
      ),
    ];
    this.#request();
  }

  /** True once the reply has been taken over. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Changes conditions (ovsdb-server(7), 4.1.13); resolves when all rows they bring have been taken over. */
  changeConditions(requests: JsonObject): Promise<void> {
    const { rpc, id } = this.#options;
    return new Promise((resolve, reject) => {
      rpc.requestInOrder('monitor_cond_change', [id, id, requests], () => resolve(), reject);
    });
  }

  /** Stops the updates. */
  cancel(): void {
    const { rpc, id } = this.#options;
    for (const remove of this.#handlers) remove();
    rpc.requestInOrder(
      'monitor_cancel',
      [id],
      () => undefined,
      () => undefined,
    );
  }

  #request(): void {
    const { rpc, database, id, requests, since } = this.#options;
    const { method } = this;
    const params: JsonValue[] = [database, id, requests(method !== 'monitor')];
    if (method === 'monitor_cond_since') params.push(since ?? ZERO_UUID);
    rpc.requestInOrder(
      method,
      params,
      (result) => this.#replied(result),
      (error) => this.#refused(error),
    );
  }

  async #replied(result: MaybeLarge): Promise<void> {
    await this.#options.onUpdate(this.#parseReply(result));
    this.#ready = true;
    for (const update of this.#early.splice(0)) await this.#options.onUpdate(update);
  }

  #parseReply(result: MaybeLarge): MonitorUpdate {
    if (this.method !== 'monitor_cond_since') {
      const format = this.method === 'monitor' ? 1 : 2;
      return { kind: 'snapshot', format, tables: result, txnId: undefined };
    }
    const [found, txn, tables] = arrayItems(result) ?? [];
    if (typeof found !== 'boolean' || tables === undefined) {
      throw new WireError('the reply to monitor_cond_since is not [found, last-txn-id, table-updates2]');
    }
    return { kind: found ? 'changes' : 'snapshot', format: 2, tables, txnId: transactionId(txn) };
  }

  #refused(error: Error): void {
    const older = OLDER[this.method];
    if (error instanceof RpcError && error.isUnknownMethod && older) {
      this.method = older;
      this.#request();
    } else if (!(error instanceof ConnectionLostError)) {
      this.#options.rpc.close(error);
    }
  }

  /** Updates cannot come before the reply; should they do so, they wait for it. */
  #notified(
    format: UpdateFormat,
    tables: MaybeLarge | undefined,
    txnId: string | undefined,
  ): Promise<void> | undefined {
    if (tables === undefined) throw new WireError('an update notification has no table updates');
    const update: MonitorUpdate = { kind: 'changes', format, tables, txnId };
    if (this.#ready) return this.#options.onUpdate(update);
    this.#early.push(update);
    return undefined;
  }
}

function transactionId(value: MaybeLarge | undefined): string | undefined {
  return typeof value === 'string' && value !== ZERO_UUID ? value : undefined;
}
