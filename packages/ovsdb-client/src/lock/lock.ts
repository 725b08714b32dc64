import { EventEmitter } from 'node:events';
import { emitSafely } from '../emitSafely.js';

interface LockEvents {
  acquired: [];
  /** It was stolen, or the connection that held it is gone. */
  lost: [];
}

/** Who asks the server for locks and gives them back. */
export interface LockKeeper {
  steal(lock: Lock): Promise<void>;
  release(lock: Lock): Promise<void>;
}

/**
 * A lock of the database server (RFC 7047 section 4.1.8). It is asked for again after each reconnect. Locks are
 * advisory and belong to one server process: let transactions check theirs with `assertLock`.
 */
export class Lock extends EventEmitter<LockEvents> {
  readonly name: string;
  readonly #keeper: LockKeeper;
  #held = false;

  /** @internal */
  constructor(name: string, keeper: LockKeeper) {
    super();
    this.name = name;
    this.#keeper = keeper;
  }

  /** True while this client owns the lock, as far as it has been told. */
  get held(): boolean {
    return this.#held;
  }

  /** Takes the lock away from whoever has it. Rejects with ConnectionLostError while not connected. */
  steal(): Promise<void> {
    return this.#keeper.steal(this);
  }

  /** Gives the lock up and asks for it no more. Resolves also when there is no connection: then it is gone anyway. */
  release(): Promise<void> {
    return this.#keeper.release(this);
  }

  /** @internal */
  setHeld(held: boolean): void {
    if (held === this.#held) return;
    this.#held = held;
    emitSafely(this, held ? 'acquired' : 'lost');
  }
}
