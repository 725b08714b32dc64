import { ConnectionLostError } from '../connection/errors.js';
import { type Condition, encodeCondition } from '../schema/condition.js';
import type { DatabaseSchema, TableSchema } from '../schema/schemaTypes.js';
import type { JsonObject } from '../wire/json.js';
import type { Monitor } from './monitor.js';
import type { TableInterest } from './tableInterest.js';

interface Waiter {
  readonly table: string;
  readonly where: readonly Condition[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Keeps the conditions that a replica wants apart from those which its rows were selected with. */
export class ConditionQueue {
  readonly #interests: ReadonlyMap<string, TableInterest>;
  #waiters: Waiter[] = [];
  #inFlight = false;
  #uncertain = false;

  constructor(interests: ReadonlyMap<string, TableInterest>) {
    this.#interests = interests;
  }

  /**
   * True when the connection was lost after a change had been sent and before it was acknowledged: nobody knows which
   * of its rows are in, so resuming is not possible.
   */
  get uncertain(): boolean {
    return this.#uncertain;
  }

  /** True when there are conditions to send and none are on their way. */
  get pending(): boolean {
    return !this.#inFlight && this.#changed().length > 0;
  }

  /** Wants another condition; see Replica.setCondition. */
  want(name: string, condition: readonly Condition[], table: TableSchema | undefined): Promise<void> {
    try {
      if (table) for (const clause of condition) encodeCondition(table, clause);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    // A copy: conditions are told apart by identity.
    const where = [...condition];
    this.#interests.get(name)!.wanted = where;
    return new Promise((resolve, reject) => {
      for (const waiter of this.#waiters.filter((each) => each.table === name)) waiter.resolve();
      this.#waiters = this.#waiters.filter((each) => each.table !== name);
      this.#waiters.push({ table: name, where, resolve, reject });
    });
  }

  /**
   * A monitor is about to be requested with the acknowledged conditions. When it loads everything, the wanted ones are
   * as good; when it resumes, the wanted ones have to be sent after it.
   */
  begin(resume: boolean): void {
    this.#uncertain = false;
    this.#inFlight = false;
    if (!resume) this.acknowledgeAll();
  }

  /** The rows now held were selected with the wanted conditions. */
  acknowledgeAll(): void {
    for (const interest of this.#interests.values()) interest.acknowledged = interest.wanted;
  }

  /** Sends what is wanted; never rejects. */
  async send(monitor: Monitor, schema: DatabaseSchema): Promise<void> {
    const sent = this.#changed().map((interest) => ({ interest, where: interest.wanted }));
    const requests: Record<string, JsonObject[]> = {};
    this.#inFlight = true;
    try {
      for (const { interest, where } of sent) {
        const table = schema.tables.get(interest.name);
        if (table)
          requests[interest.name] = [{ where: where.map((clause) => encodeCondition(table, clause)) }];
      }
      await monitor.changeConditions(requests);
      for (const { interest, where } of sent) interest.acknowledged = where;
      this.#inFlight = false;
      this.settle();
    } catch (error) {
      if (error instanceof ConnectionLostError) return;
      this.#inFlight = false;
      for (const { interest, where } of sent) {
        if (interest.wanted === where) interest.wanted = interest.acknowledged;
        this.#drop(interest.name, where)?.reject(error as Error);
      }
    }
  }

  /** Resolves those whose condition is in force. */
  settle(): void {
    for (const { name, acknowledged } of this.#interests.values()) this.#drop(name, acknowledged)?.resolve();
  }

  /** The connection is gone. */
  interrupted(): void {
    if (this.#inFlight) this.#uncertain = true;
    this.#inFlight = false;
  }

  fail(error: Error): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  #changed(): TableInterest[] {
    return [...this.#interests.values()].filter((interest) => interest.wanted !== interest.acknowledged);
  }

  #drop(table: string, where: readonly Condition[]): Waiter | undefined {
    const at = this.#waiters.findIndex((waiter) => waiter.table === table && waiter.where === where);
    return at < 0 ? undefined : this.#waiters.splice(at, 1)[0];
  }
}
