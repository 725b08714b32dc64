import { EventEmitter } from 'node:events';
import type { Client, Lock } from '@iovisor-ovn/ovsdb-client';
import { leaderLock } from './southbound/writer.js';

interface LeadershipEvents {
  /** The lock is ours: writing may go on. */
  acquired: [];
  /** The lock is not ours for now. */
  lost: [];
  /** Somebody else leads, or Southbound has been away too long to know. */
  deposed: [reason: string];
}

export interface LeadershipTimes {
  /** How long sessions live on while Southbound is away: it may only be restarting. */
  graceMs: number;
  /** How long after a reconnect the lock may take to come back. */
  settleMs: number;
}

/** Who leads, by the Southbound lock. A lost connection loses the lock, but not at once the leadership. */
export class Leadership extends EventEmitter<LeadershipEvents> {
  readonly #client: Client;
  readonly #lock: Lock;
  readonly #times: LeadershipTimes;
  #leading = false;
  #timer?: NodeJS.Timeout;

  constructor(client: Client, times: LeadershipTimes = { graceMs: 15_000, settleMs: 1000 }) {
    super();
    this.#client = client;
    this.#times = times;
    this.#lock = client.lock(leaderLock);
    this.#lock.on('acquired', () => this.#acquired());
    this.#lock.on('lost', () => this.#lost());
    client.on('connected', () => this.#reconnected());
  }

  /** True while the lock is held. */
  get held(): boolean {
    return this.#lock.held;
  }

  /** Gives the lock up, so that a standby takes over at once. */
  async release(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#lock.release();
  }

  #acquired(): void {
    clearTimeout(this.#timer);
    this.#leading = true;
    this.emit('acquired');
  }

  #lost(): void {
    this.emit('lost');
    if (!this.#leading) return;
    if (this.#client.state === 'connected') this.#depose('another coordinator has taken the lead');
    else this.#deposeIn(this.#times.graceMs, 'the Southbound database has been away too long');
  }

  #reconnected(): void {
    if (this.#leading && !this.#lock.held) this.#deposeIn(this.#times.settleMs, 'another coordinator leads');
  }

  #deposeIn(ms: number, reason: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#depose(reason), ms).unref();
  }

  #depose(reason: string): void {
    clearTimeout(this.#timer);
    if (this.#lock.held || !this.#leading) return;
    this.#leading = false;
    this.emit('deposed', reason);
  }
}
