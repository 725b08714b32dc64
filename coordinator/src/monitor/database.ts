import { EventEmitter } from 'node:events';
import {
  type Change,
  Client,
  type ClientOptions,
  Replica,
  type ReplicaProblem,
  type ServerStatus,
  type TableOptions,
  type TableTypes,
} from '@iovisor-ovn/ovsdb-client';
import type { Logger } from 'pino';
import type { ProblemRegistry } from '../problems/registry.js';

export interface DatabaseOptions<T extends TableTypes> {
  /** For problems: "Northbound". */
  name: string;
  database: string;
  /** OVSDB remotes, comma-separated. */
  remotes: string;
  tls?: ClientOptions['tls'];
  tables: { readonly [K in keyof T]?: TableOptions };
  /** Further rows of the same tables which are wanted with other columns; they come as the same changes. */
  more?: { readonly [K in keyof T]?: TableOptions };
}

interface DatabaseEvents<T extends TableTypes> {
  /** `reload`: they come of everything having been read anew, not of a transaction. */
  change: [changes: readonly Change<T>[], reload: boolean];
  /** `synced` is another than before. */
  state: [];
}

/** What happened to a connection since the start. */
export interface DatabaseHistory {
  connects: number;
  disconnects: number;
  /** Attempts to connect that failed. */
  failures: number;
  /** When rows came last, ms since 1970; 0: never. */
  lastUpdate: number;
}

/** One database: the connection and what is replicated of it. */
export class Database<T extends TableTypes> extends EventEmitter<DatabaseEvents<T>> {
  readonly client: Client;
  readonly replica: Replica<T>;
  readonly remotes: string;
  readonly history: DatabaseHistory = { connects: 0, disconnects: 0, failures: 0, lastUpdate: 0 };
  /** What the server in use said of itself when the connection was made; undefined: none is, or it is too old to say. */
  server: ServerStatus | undefined;
  readonly #more?: Replica<T>;
  readonly #options: DatabaseOptions<T>;
  readonly #problems: ProblemRegistry;
  /** By row: column and what is wrong with it. */
  readonly #badValues = new Map<string, Map<string, string>>();
  readonly #reported = new Set<string>();

  constructor(options: DatabaseOptions<T>, problems: ProblemRegistry, log: Logger) {
    super();
    this.#options = options;
    this.#problems = problems;
    this.remotes = options.remotes;
    const { remotes, database, tls } = options;
    // A quick second look: a restarted server is back in a fraction of a second.
    const backoff = { minMs: 100, maxMs: 8000 };
    this.client = new Client({ remotes, database, tls, backoff, log: log.child({ database }) });
    this.#keepHistory();
    this.replica = new Replica<T>(this.client, { tables: options.tables });
    if (options.more) this.#more = new Replica<T>(this.client, { tables: options.more });
    this.#more?.on('change', (changes, { reload }) => this.emit('change', changes, reload));
    this.replica.on('change', (changes, { reload }) => {
      this.history.lastUpdate = Date.now();
      this.#healValues(changes as readonly Change[]);
      this.emit('change', changes, reload);
    });
    this.replica.on('synced', () => this.#setState());
    this.replica.on('stale', (reason) => this.#setState(reason));
    this.replica.on('problem', (problem) => this.#report(problem));
  }

  /** For people: "Northbound". */
  get name(): string {
    return this.#options.name;
  }

  /** True while connected with all rows current. */
  get synced(): boolean {
    return this.replica.synced;
  }

  /** Number of rows replicated. */
  get rows(): number {
    const names = Object.keys(this.#options.tables) as (keyof T & string)[];
    return names.reduce((sum, name) => sum + this.replica.table(name).size, 0);
  }

  start(): void {
    this.client.start();
    // First what the rest is about.
    this.replica.start();
    this.#more?.start();
  }

  async close(): Promise<void> {
    this.replica.stop();
    this.#more?.stop();
    await this.client.close();
  }

  #keepHistory(): void {
    this.client.on('connected', ({ server }) => {
      this.history.connects++;
      this.server = server;
    });
    this.client.on('disconnected', () => {
      this.history.disconnects++;
      this.server = undefined;
    });
    this.client.on('failed', () => this.history.failures++);
  }

  #setState(reason?: Error): void {
    const { name, remotes } = this.#options;
    const message = `not connected to ${remotes}: ${reason?.message}; hypervisors keep forwarding as they are`;
    this.#problems.replace(`database:${name}`, reason ? [{ where: name, message }] : []);
    this.emit('state');
  }

  #report(problem: ReplicaProblem): void {
    const { table, uuid, column = '', message } = problem;
    // A table or column which this release of OVN does not have is none of the operator's business.
    if (uuid === undefined) return;
    const columns = this.#badValues.get(uuid) ?? new Map<string, string>();
    this.#badValues.set(uuid, columns.set(column, message));
    this.#reported.add(`${uuid}.${column}`);
    this.#problems.replace(`value:${uuid}.${column}`, [
      { where: this.#options.name, table, uuid, column, message: `${message}; it is ignored` },
    ]);
  }

  /** What is wrong with a changed row was reported right before its change: what was not has healed. */
  #healValues(changes: readonly Change[]): void {
    if (this.#badValues.size === 0) return;
    for (const { uuid } of changes) {
      const columns = this.#badValues.get(uuid);
      for (const column of columns?.keys() ?? []) {
        if (this.#reported.has(`${uuid}.${column}`)) continue;
        columns?.delete(column);
        this.#problems.replace(`value:${uuid}.${column}`, []);
      }
      if (columns?.size === 0) this.#badValues.delete(uuid);
    }
    this.#reported.clear();
  }
}
