import { ConnectionLostError } from '../connection/errors.js';
import type { RpcConnection } from '../connection/rpcConnection.js';
import type { Log } from '../log.js';
import { isJsonObject } from '../wire/json.js';
import type { MaybeLarge } from '../wire/large.js';
import { Lock, type LockKeeper } from './lock.js';

/** The locks of one client and what the server says about them. */
export class LockManager implements LockKeeper {
  readonly #log: Log;
  readonly #locks = new Map<string, Lock>();
  #rpc: RpcConnection | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** See Client.lock. */
  lock(name: string): Lock {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw new TypeError(
        `"${name}" is no valid lock name: letters, digits and underscores, not a digit first`,
      );
    }
    const existing = this.#locks.get(name);
    if (existing) return existing;
    const lock = new Lock(name, this);
    this.#locks.set(name, lock);
    if (this.#rpc) this.#request(this.#rpc, 'lock', lock);
    return lock;
  }

  connected(rpc: RpcConnection): void {
    this.#rpc = rpc;
    rpc.onNotification('locked', ([name]) => this.#notified(name, true));
    rpc.onNotification('stolen', ([name]) => this.#notified(name, false));
    for (const lock of this.#locks.values()) this.#request(rpc, 'lock', lock);
  }

  disconnected(): void {
    this.#rpc = undefined;
    for (const lock of this.#locks.values()) lock.setHeld(false);
  }

  async steal(lock: Lock): Promise<void> {
    const rpc = this.#rpc;
    if (!rpc) throw new ConnectionLostError(`lock ${lock.name}: not connected`, { maybeCommitted: false });
    if (this.#locks.get(lock.name) !== lock) throw new Error(`lock ${lock.name} was released already`);
    if (lock.held) return;
    // A client that waits for a lock has to leave the queue before it may steal it.
    const left = rpc.request('unlock', [lock.name]);
    const stolen = new Promise<void>((resolve, reject) => this.#request(rpc, 'steal', lock, resolve, reject));
    await Promise.all([left, stolen]);
  }

  async release(lock: Lock): Promise<void> {
    if (this.#locks.get(lock.name) !== lock) return;
    this.#locks.delete(lock.name);
    const rpc = this.#rpc;
    lock.setHeld(false);
    if (!rpc) return;
    try {
      await rpc.request('unlock', [lock.name]);
    } catch (error) {
      if (!(error instanceof ConnectionLostError)) throw error;
    }
  }

  /** The reply is handled in order: a "stolen" that follows it must not be overtaken by it. */
  #request(
    rpc: RpcConnection,
    method: 'lock' | 'steal',
    lock: Lock,
    resolve: () => void = () => undefined,
    reject: (error: Error) => void = () => undefined,
  ): void {
    const onReply = (result: MaybeLarge) => {
      if (this.#locks.get(lock.name) === lock && isJsonObject(result) && result.locked === true)
        lock.setHeld(true);
      resolve();
    };
    rpc.requestInOrder(method, [lock.name], onReply, (error) => {
      const fields = { lock: lock.name, reason: error.message };
      if (!(error instanceof ConnectionLostError)) this.#log.warn(fields, `OVSDB ${method} was refused`);
      reject(error);
    });
  }

  #notified(name: MaybeLarge | undefined, held: boolean): void {
    if (typeof name === 'string') this.#locks.get(name)?.setHeld(held);
  }
}
