import { EventEmitter } from 'node:events';
import { performance } from 'node:perf_hooks';
import type { Log } from '../../netlink/index.js';
import type { Difference } from './difference.js';

/** What somebody else did to what is in the kernel, and is not put right yet. */
export interface Damage extends Difference {
  /** Why it could not be put right; empty: that is under way. */
  why: string;
}

export type DamageKind = Difference['kind'];
const KINDS: readonly DamageKind[] = ['map', 'program', 'attachment', 'pin'];

/** Of what happens between two beats, how much is logged by itself: somebody may empty a map of 100,000 entries. */
const MOST_LOGGED = 20;

/** A repair takes a moment. */
const PATIENCE_MS = 3000;

interface DamagesEvents {
  /** The first damage that could not be repaired is there, or the last of them is gone. */
  changed: [];
  repaired: [difference: Difference];
}

/**
 * The damages that are known: who finds one says so, and says so again when it is repaired or cannot be. A repair is logged once,
 * and counted. What is under way for longer than {@link PATIENCE_MS} counts as not repaired.
 */
export class Damages extends EventEmitter<DamagesEvents> {
  readonly #log: Log;
  readonly #known = new Map<string, Damage>();
  /** When each was found first, as performance.now() says. */
  readonly #since = new Map<string, number>();
  /** Of those, what could not be repaired, or not for long. */
  readonly #bad = new Set<string>();
  readonly #repairs = new Map<DamageKind, number>(KINDS.map((kind) => [kind, 0]));
  #logged = 0;
  #good = true;

  constructor(log: Log) {
    super();
    this.#log = log;
  }

  /** How many were repaired since the agent began, by kind. */
  get repairs(): ReadonlyMap<DamageKind, number> {
    return this.#repairs;
  }

  /** Those that could not be repaired, or not yet. */
  get unrepaired(): Damage[] {
    return [...this.#bad].map((key) => this.#known.get(key)!);
  }

  /** Whether there is nothing that could not be repaired. */
  get none(): boolean {
    return this.#good;
  }

  /** Whether it is known, and not right yet. */
  has(difference: Pick<Difference, 'kind' | 'where' | 'key'>): boolean {
    return this.#known.has(keyOf(difference));
  }

  /** Its repair is about to be tried. */
  found(difference: Difference): void {
    const key = keyOf(difference);
    if (!this.#since.has(key)) this.#since.set(key, performance.now());
    this.#known.set(key, { ...difference, why: this.#known.get(key)?.why ?? '' });
  }

  failed(difference: Difference, why: string): void {
    const key = keyOf(difference);
    if (this.#known.get(key)?.why !== why) {
      this.#say('error', { ...difference, why }, 'damage in the kernel cannot be repaired');
    }
    this.#known.set(key, { ...difference, why });
    this.#bad.add(key);
    this.#tell();
  }

  /** @param difference as it was found; what was found last counts where that is known */
  repaired(difference: Difference): void {
    const key = keyOf(difference);
    const { kind } = difference;
    this.#say('warn', { ...(this.#known.get(key) ?? difference) }, 'damage in the kernel was repaired');
    this.#drop(key);
    this.#repairs.set(kind, this.#repairs.get(kind)! + 1);
    this.emit('repaired', difference);
  }

  #say(
    level: 'warn' | 'error',
    { kind, where, key, wanted, found, unit, why }: Difference & { why?: string },
    message: string,
  ): void {
    const text = { kind, where, key, wanted, found, unit, ...(why ? { why } : {}) };
    if (this.#logged++ < MOST_LOGGED) this.#log[level](text, message);
  }

  /** It is none any more, since something else is wanted. */
  forget(difference: Pick<Difference, 'kind' | 'where' | 'key'>): void {
    this.#drop(keyOf(difference));
  }

  #drop(key: string): void {
    this.#known.delete(key);
    this.#since.delete(key);
    this.#bad.delete(key);
    this.#tell();
  }

  /** What was known of these kinds and is not among those found is right again, whoever did it. */
  seen(kinds: readonly DamageKind[], found: Iterable<Difference>): void {
    const still = new Set([...found].map(keyOf));
    for (const [key, damage] of [...this.#known])
      if (kinds.includes(damage.kind) && !still.has(key)) this.repaired(damage);
  }

  /** To be called every few seconds. */
  beat(): void {
    const more = this.#logged - MOST_LOGGED;
    if (more > 0) this.#log.warn({ more }, 'damage in the kernel: that was not all');
    this.#logged = 0;
    const long = performance.now() - PATIENCE_MS;
    for (const [key, since] of this.#since) if (since < long) this.#bad.add(key);
    this.#tell();
  }

  #tell(): void {
    const good = this.#bad.size === 0;
    if (good === this.#good) return;
    this.#good = good;
    this.emit('changed');
  }
}

function keyOf({ kind, where, key }: Pick<Difference, 'kind' | 'where' | 'key'>): string {
  return `${kind} ${where} ${key}`;
}
