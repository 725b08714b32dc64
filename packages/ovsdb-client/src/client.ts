import { EventEmitter } from 'node:events';
import { Backoff, type BackoffLimits } from './connection/backoff.js';
import { ClientClosedError, ConnectionLostError, UnsuitableServerError } from './connection/errors.js';
import type { TlsFiles, TlsSource } from './connection/openSocket.js';
import { parseRemotes, type Remote } from './connection/remote.js';
import type { SeenIndexes, ServerStatus } from './connection/serverStatus.js';
import { openSession, type Session } from './connection/session.js';
import { emitSafely } from './emitSafely.js';
import type { Lock } from './lock/lock.js';
import { LockManager } from './lock/lockManager.js';
import { type Log, silentLog } from './log.js';
import type { RowLocator } from './replica/rowLocator.js';
import type { DatabaseSchema } from './schema/schemaTypes.js';
import { Transaction, type TransactionTarget } from './transaction/transaction.js';

export interface ClientOptions {
  /** Where the database is served, in Open vSwitch's syntax, comma-separated; see parseRemotes. */
  readonly remotes: string;
  /** Name of the database, such as OVN_Northbound. */
  readonly database: string;
  /** Files for `ssl:` remotes. */
  readonly tls?: TlsFiles | TlsSource;
  /** Use only the leader of a cluster (default true); of no meaning for a standalone database. */
  readonly leaderOnly?: boolean;
  /** Silence after which the server is asked whether it lives, in milliseconds; default 5000, 0 = never. */
  readonly probeIntervalMs?: number;
  /** Pause between rounds of connection attempts; default 1000 to 8000 ms. The first round comes at once. */
  readonly backoff?: BackoffLimits;
  readonly log?: Log;
}

export type ClientState = 'idle' | 'connecting' | 'connected' | 'backoff' | 'closed';

/** What `connected` reports. */
export interface ConnectionInfo {
  readonly remote: string;
  readonly schema: DatabaseSchema;
  /** Undefined when the server is too old to say. */
  readonly server: ServerStatus | undefined;
}

interface ClientEvents {
  connected: [info: ConnectionInfo];
  disconnected: [reason: Error];
  /** The schema was read for the first time, or is another than before. */
  schema: [schema: DatabaseSchema];
  /** An attempt to connect failed; the client goes on with the next remote. */
  failed: [remote: string, reason: Error];
}

/**
 * Keeps a connection to a server of one database: tries its remotes in turn, follows the leader of a cluster, comes
 * back with back-off and jitter. Nothing that a server does makes it throw; failures are events.
 */
export class Client extends EventEmitter<ClientEvents> implements TransactionTarget {
  readonly database: string;
  /** @internal Finds the replica table which holds a row; replicas register themselves. */
  readonly locators = new Set<RowLocator>();
  readonly log: Log;
  readonly #remotes: readonly Remote[];
  readonly #options: ClientOptions;
  readonly #backoff: Backoff;
  readonly #seen: SeenIndexes = new Map();
  readonly #locks: LockManager;
  readonly #closing = new AbortController();
  #state: ClientState = 'idle';
  #session: Session | undefined;
  #probeIntervalMs: number;
  #schema: DatabaseSchema | undefined;
  #schemaText = '';
  #lastError: Error | undefined;
  #loop: Promise<void> | undefined;

  /** Throws RemoteSyntaxError when `remotes` cannot be understood. */
  constructor(options: ClientOptions) {
    super();
    this.setMaxListeners(0);
    this.#options = options;
    this.#remotes = parseRemotes(options.remotes);
    this.database = options.database;
    this.#probeIntervalMs = options.probeIntervalMs ?? 5000;
    this.log = options.log ?? silentLog;
    this.#backoff = new Backoff(options.backoff ?? { minMs: 1000, maxMs: 8000 });
    this.#locks = new LockManager(this.log);
  }

  get state(): ClientState {
    return this.#state;
  }

  /** The remote in use, as it was written; undefined while not connected. */
  get remote(): string | undefined {
    return this.#session?.remote.text;
  }

  /** The schema last read; undefined before the first connection. */
  get schema(): DatabaseSchema | undefined {
    return this.#schema;
  }

  /** Why the last connection or attempt ended; undefined when none did yet. */
  get lastError(): Error | undefined {
    return this.#lastError;
  }

  /** @internal The live session; undefined while not connected. */
  get session(): Session | undefined {
    return this.#session;
  }

  /** Begins to connect. Further calls do nothing. */
  start(): void {
    if (this.#state === 'idle') this.#loop = this.#run();
  }

  /** Ends the connection for good; resolves when everything of it is gone. */
  async close(): Promise<void> {
    this.#closing.abort(new ClientClosedError());
    this.#session?.rpc.close(this.#closing.signal.reason as Error);
    await this.#loop;
    this.#state = 'closed';
  }

  /** Resolves as soon as the client is connected; rejects with the reason of `signal` or when the client is closed. */
  whenConnected(signal?: AbortSignal): Promise<void> {
    const ends = signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal;
    return new Promise((resolve, reject) => {
      if (ends.aborted) return reject(ends.reason as Error);
      if (this.#session) return resolve();
      const done = () => {
        this.off('connected', connected);
        ends.removeEventListener('abort', aborted);
      };
      const connected = () => {
        done();
        resolve();
      };
      const aborted = () => {
        done();
        reject(ends.reason as Error);
      };
      this.on('connected', connected);
      ends.addEventListener('abort', aborted);
    });
  }

  /**
   * Sends any request of RFC 7047 as it is and resolves with its raw result. Rejects with RpcError, or with
   * ConnectionLostError when there is no connection or it is lost meanwhile.
   */
  async call(method: string, params: readonly unknown[], signal?: AbortSignal): Promise<unknown> {
    const session = this.#session;
    if (!session) {
      const why = this.#lastError ? `: ${this.#lastError.message}` : '';
      throw new ConnectionLostError(`not connected to database ${this.database}${why}`, {
        maybeCommitted: false,
      });
    }
    return session.rpc.request(method, params, signal);
  }

  /** Another ClientOptions.probeIntervalMs, for the connection there is and those to come. */
  setProbeInterval(milliseconds: number): void {
    this.#probeIntervalMs = milliseconds;
    this.#session?.rpc.setProbeInterval(milliseconds);
  }

  /** A new, empty transaction. */
  transaction(): Transaction {
    return new Transaction(this);
  }

  /**
   * Asks for the named lock (RFC 7047 section 4.1.8) now and after each reconnect, until it is released. The same name
   * gives the same Lock. Throws TypeError when the name is no valid OVSDB id.
   */
  lock(name: string): Lock {
    return this.#locks.lock(name);
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    let next = 0;
    while (!signal.aborted) {
      let stable = false;
      for (let tried = 0; tried < this.#remotes.length && !stable && !signal.aborted; tried++) {
        const remote = this.#remotes[next]!;
        next = (next + 1) % this.#remotes.length;
        stable = await this.#attempt(remote);
      }
      if (stable) this.#backoff.reset();
      else if (!signal.aborted) await this.#pause();
    }
    this.#state = 'closed';
  }

  /** Serves one connection to its end; true when it held long enough to count as a success. */
  async #attempt(remote: Remote): Promise<boolean> {
    this.#state = 'connecting';
    const { database, leaderOnly = true, tls = {} } = this.#options;
    const probeIntervalMs = this.#probeIntervalMs;
    const options = { database, leaderOnly, probeIntervalMs, tls, seen: this.#seen };
    let session: Session;
    try {
      session = await openSession(remote, options, this.#closing.signal);
    } catch (error) {
      this.#lastError = error as Error;
      if (!this.#closing.signal.aborted) {
        const fields = { remote: remote.text, database, reason: (error as Error).message };
        // To pass by the followers of a cluster is nothing to worry about.
        if (error instanceof UnsuitableServerError) this.log.info(fields, 'OVSDB server is not one to use');
        else this.log.warn(fields, 'cannot connect to OVSDB server');
        emitSafely(this, 'failed', remote.text, error as Error);
      }
      return false;
    }
    const since = performance.now();
    // It may have changed while the connection was made.
    session.rpc.setProbeInterval(this.#probeIntervalMs);
    this.#connected(session);
    const reason = await session.rpc.closed;
    this.#disconnected(session, reason);
    return performance.now() - since >= (this.#options.backoff?.minMs ?? 1000);
  }

  #connected(session: Session): void {
    const { remote, schema, status } = session;
    this.#session = session;
    this.#state = 'connected';
    this.log.info(
      { remote: remote.text, database: this.database, leader: status?.leader },
      'connected to OVSDB',
    );
    this.#setSchema(schema);
    this.#locks.connected(session.rpc);
    emitSafely(this, 'connected', { remote: remote.text, schema, server: status });
  }

  #disconnected(session: Session, reason: Error): void {
    this.#session = undefined;
    this.#lastError = reason;
    this.#state = 'connecting';
    const fields = { remote: session.remote.text, database: this.database, reason: reason.message };
    if (!this.#closing.signal.aborted) this.log.warn(fields, 'disconnected from OVSDB');
    this.#locks.disconnected();
    emitSafely(this, 'disconnected', reason);
  }

  #setSchema(schema: DatabaseSchema): void {
    const text = JSON.stringify(schema, (_key, value: unknown) =>
      value instanceof Map ? [...value] : value,
    );
    if (text === this.#schemaText) return;
    this.#schema = schema;
    this.#schemaText = text;
    emitSafely(this, 'schema', schema);
  }

  async #pause(): Promise<void> {
    this.#state = 'backoff';
    const { signal } = this.#closing;
    const delay = this.#backoff.next();
    this.log.debug(
      { database: this.database, delayMs: Math.round(delay) },
      'waiting before connecting to OVSDB again',
    );
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, delay);
      function done() {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      }
      signal.addEventListener('abort', done);
    });
  }
}
