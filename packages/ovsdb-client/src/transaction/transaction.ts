import { ConnectionLostError, RpcError } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import type { Log } from '../log.js';
import type { RowLocator } from '../replica/rowLocator.js';
import { isUuid } from '../schema/atom.js';
import { byUuid, type Condition } from '../schema/condition.js';
import { NamedUuid } from '../schema/namedUuid.js';
import type { DatabaseSchema } from '../schema/schemaTypes.js';
import { ValueError } from '../schema/valueError.js';
import { encodeOperation, type Mutation, type Operation } from './operation.js';
import { type OperationResult, parseResults } from './operationResult.js';
import { TransactionError } from './transactionError.js';

/** What `Transaction.wait` waits for (RFC 7047 section 5.2.6). */
export interface WaitOptions {
  readonly table: string;
  readonly where: readonly Condition[];
  readonly columns: readonly string[];
  /** The rows which the selection has to equal, or must not equal. */
  readonly rows: readonly object[];
  readonly until: '==' | '!=';
  /** How long the server may wait, in milliseconds; it waits for ever when omitted and not at all with 0. */
  readonly timeoutMs?: number;
}

/** The database that a transaction goes to, as its client has it now. */
export interface TransactionTarget {
  readonly database: string;
  readonly schema: DatabaseSchema | undefined;
  /** Undefined while not connected. */
  readonly session: Session | undefined;
  /** Why it is not connected. */
  readonly lastError: Error | undefined;
  readonly locators: ReadonlySet<RowLocator>;
  readonly log: Log;
}

/**
 * Collects operations (RFC 7047 section 5.2) and has the database do all of them or none. Values are JavaScript ones,
 * see encodeValue; they are checked against the schema at commit.
 */
export class Transaction {
  readonly #target: TransactionTarget;
  readonly #operations: Operation[] = [];
  #vanished: string | undefined;
  #sent = false;

  /** @internal Use Client.transaction. */
  constructor(target: TransactionTarget) {
    this.#target = target;
  }

  /** Number of operations so far. */
  get size(): number {
    return this.#operations.length;
  }

  /**
   * Adds a row; columns not given (or undefined) get their default. The result stands for the new row in other operations
   * of this transaction. `uuid` chooses its UUID, which the server has to be Open vSwitch 2.13 or later for.
   */
  insert(table: string, row: object, options: { uuidName?: string; uuid?: string } = {}): NamedUuid {
    if (options.uuid !== undefined && !isUuid(options.uuid))
      throw new ValueError(`"${options.uuid}" is no UUID`);
    const as = new NamedUuid(options.uuidName ?? `row${this.#operations.length}`, options.uuid);
    this.#operations.push({ op: 'insert', table, row, as });
    return as;
  }

  /** Replaces the given columns in all rows that match every clause; undefined empties an optional column. */
  update(table: string, where: readonly Condition[], row: object): this {
    return this.#add({ op: 'update', table, where, row });
  }

  /** Changes columns by arithmetic, or adds and removes elements, in all rows that match every clause. */
  mutate(table: string, where: readonly Condition[], mutations: readonly Mutation[]): this {
    return this.#add({ op: 'mutate', table, where, mutations });
  }

  /** Deletes all rows that match every clause. */
  delete(table: string, where: readonly Condition[]): this {
    return this.#add({ op: 'delete', table, where });
  }

  /** Reads all rows that match every clause, as they are after the operations before it. */
  select(table: string, where: readonly Condition[], columns?: readonly string[]): this {
    return this.#add({ op: 'select', table, where, columns });
  }

  /** Makes the transaction wait for rows, or fail with "timed out". */
  wait({ table, where, columns, rows, until, timeoutMs }: WaitOptions): this {
    return this.#add({ op: 'wait', table, where, columns, rows, until, timeoutMs });
  }

  /**
   * Makes the transaction fail, with `isTryAgain` set, when these columns of the row are no longer what `row` says.
   * Without a table name, `row` must be a row of a Replica of the same client.
   */
  verify(row: { readonly _uuid: string }, columns: readonly string[]): this;
  verify(table: string, row: { readonly _uuid: string }, columns: readonly string[]): this;
  verify(...args: [object, readonly string[]] | [string, object, readonly string[]]): this {
    const [named, row, columns] = args.length === 3 ? args : ([undefined, ...args] as const);
    const { _uuid: uuid, ...values } = row as { _uuid: string } & Record<string, unknown>;
    const table = named ?? this.#locate(uuid);
    if (table === undefined) {
      this.#vanished = uuid;
      return this;
    }
    const wanted = Object.fromEntries(columns.map((column) => [column, values[column]]));
    const where = [byUuid(uuid)];
    return this.#add({ op: 'wait', table, where, columns, rows: [wanted], until: '==', timeoutMs: 0 });
  }

  /** A remark for the database's log. */
  comment(comment: string): this {
    return this.#add({ op: 'comment', comment });
  }

  /** Makes the transaction fail with "not owner" unless this client owns the lock. */
  assertLock(lock: string): this {
    return this.#add({ op: 'assert', lock });
  }

  /** Makes the transaction fail with "aborted": for trying out. */
  abort(): this {
    return this.#add({ op: 'abort' });
  }

  /** Makes the server write the transaction to stable storage before it replies. */
  commitDurable(): this {
    return this.#add({ op: 'commit', durable: true });
  }

  /**
   * Sends the transaction, once. Resolves with the result of each operation; when a Replica of the client monitors what
   * it changed, the change was emitted before. Rejects with
   * - TransactionError: the database refused it, nothing was done;
   * - ValueError: a value does not fit the schema, nothing was sent;
   * - ConnectionLostError: not connected, or the connection was lost; its `maybeCommitted` tells whether it was sent;
   * - the reason of `signal`, when that aborts: it is canceled unless it was done already.
   */
  async commit(signal?: AbortSignal): Promise<OperationResult[]> {
    if (this.#sent) throw new Error('a transaction can be committed once only');
    if (this.#vanished)
      throw new TransactionError('timed out', `row ${this.#vanished} to verify does not exist any more`);
    if (this.#operations.length === 0) return [];
    const { schema, database } = this.#target;
    if (!schema || !this.#target.session) {
      const why = this.#target.lastError ? `: ${this.#target.lastError.message}` : '';
      throw new ConnectionLostError(`not connected to database ${database}${why}`, { maybeCommitted: false });
    }
    const operations = this.#operations.map((operation) => encodeOperation(schema, operation));
    this.#sent = true;
    try {
      const reply = await this.#target.session.rpc.request('transact', [database, ...operations], signal);
      return parseResults(schema, this.#operations, reply, (where, message) =>
        this.#target.log.warn(where, `a selected value was left out: ${message}`),
      );
    } catch (error) {
      if (error instanceof RpcError) throw new TransactionError(error.code, error.details);
      throw error;
    }
  }

  #locate(uuid: string): string | undefined {
    for (const locator of this.#target.locators) {
      const table = locator.tableOf(uuid);
      if (table !== undefined) return table;
    }
    return undefined;
  }

  #add(operation: Operation): this {
    this.#operations.push(operation);
    return this;
  }
}
