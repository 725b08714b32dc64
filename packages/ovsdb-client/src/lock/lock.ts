import { EventEmitter } from 'node:events';
import { emitSafely } from '../emitSafely.js';
import type { LockManager } from './lockManager.js';

interface LockEvents {
  acquired: [];
  /** It was stolen, or the connection that held it is gone. */
  lost: [];
}

/**
 * A lock of the database server (RFC 7047 section 4.1.8). It is asked for again after each reconnect. Locks are
 * advisory and belong to one server process: let transactions check theirs with `assertLock`.
 */
export class Lock extends EventEmitter<LockEvents> {
  readonly name: string;
  readonly #manager: LockManager;
  #held = false;

  /** @internal */
  constructor(name: string, manager: LockManager) {
    super();
    this.name = name;
    this.#manager = manager;
  }

  /** True while this client owns the lock, as far as it has been told. */
  get held(): boolean {
    return this.#held;
  }

  /** Takes the lock away from whoever has it. Rejects with ConnectionLostError while not connected. */
  steal(): Promise<void> {
    return this.#manager.steal(this);
  }

  /** Gives the lock up and asks for it no more. Resolves also when there is no connection: then it is gone anyway. */
  release(): Promise<void> {
    return this.#manager.release(this);
  }

  /** @internal */
  setHeld(held: boolean): void {
    if (held === this.#held) return;
    this.#held = held;
    emitSafely(this, held ? 'acquired' : 'lost');
  }
}
