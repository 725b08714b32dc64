import { isJsonObject, type JsonValue } from '../wire/json.js';
import type { MaybeLarge } from '../wire/large.js';
import { RpcError, UnsuitableServerError } from './errors.js';
import type { RpcConnection } from './rpcConnection.js';
import {
  applyStatus,
  type SeenIndexes,
  type ServerStatus,
  STATUS_COLUMNS,
  unsuitability,
} from './serverStatus.js';

const MONITOR_ID = 'server-status';

export interface StatusWatchOptions {
  readonly database: string;
  readonly leaderOnly: boolean;
  readonly seen: SeenIndexes;
}

/**
 * Follows what the server says about a database and closes the connection when it stops being one to use: it lost
 * the leadership or its cluster, the database was removed, the schema was converted.
 */
export class StatusWatch {
  readonly #rpc: RpcConnection;
  readonly #options: StatusWatchOptions;
  readonly #rows = new Map<string, ServerStatus>();
  #started = false;

  private constructor(rpc: RpcConnection, options: StatusWatchOptions) {
    this.#rpc = rpc;
    this.#options = options;
  }

  /**
   * Starts to watch and resolves with the state now; with undefined when the server is too old to have _Server.
   * Rejects with UnsuitableServerError when it is not one to use.
   */
  static async start(rpc: RpcConnection, options: StatusWatchOptions): Promise<ServerStatus | undefined> {
    const watch = new StatusWatch(rpc, options);
    rpc.onNotification('update2', (params) => watch.#update(params[1]), MONITOR_ID);
    try {
      await new Promise<void>((resolve, reject) => {
        const requests = { Database: [{ columns: STATUS_COLUMNS }] };
        const onReply = (result: MaybeLarge) => {
          watch.#apply(result);
          resolve();
        };
        rpc.requestInOrder('monitor_cond', ['_Server', MONITOR_ID, requests], onReply, reject);
      });
    } catch (error) {
      if (error instanceof RpcError) return undefined;
      throw error;
    }
    await rpc.request('set_db_change_aware', [true]).catch((error) => {
      if (!(error instanceof RpcError)) throw error;
    });
    const problem = watch.#problem();
    if (problem) throw problem;
    watch.#started = true;
    return watch.#status();
  }

  #status(): ServerStatus | undefined {
    for (const status of this.#rows.values()) if (status.name === this.#options.database) return status;
    return undefined;
  }

  #problem(): Error | undefined {
    const status = this.#status();
    if (!status) return new UnsuitableServerError(`the server has no database ${this.#options.database}`);
    const reason = unsuitability(status, this.#options.leaderOnly, this.#options.seen);
    return reason === undefined ? undefined : new UnsuitableServerError(`the server ${reason}`);
  }

  #update(update: MaybeLarge | undefined): void {
    const before = this.#status();
    this.#apply(update);
    if (!this.#started) return;
    const problem = this.#problem();
    const schema = this.#status()?.schema;
    if (problem) this.#rpc.close(problem);
    else if (schema !== before?.schema)
      this.#rpc.close(new UnsuitableServerError('the schema of the database has changed'));
  }

  #apply(update: MaybeLarge | undefined): void {
    const database = isJsonObject(update) ? update.Database : undefined;
    if (!isJsonObject(database)) return;
    for (const [uuid, change] of Object.entries(database)) {
      if (!isJsonObject(change)) continue;
      const row: JsonValue | undefined = change.initial ?? change.insert ?? change.modify;
      if (row === undefined || row === null) this.#rows.delete(uuid);
      else this.#rows.set(uuid, applyStatus(this.#rows.get(uuid), row));
    }
  }
}
