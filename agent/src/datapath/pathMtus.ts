/** For how long what a router said is believed; then a larger packet may ask again (RFC 1191 6.3). */
const LIFETIME_MS = 10 * 60_000;

interface Learned {
  mtu: number;
  /** The next hops that led to the router; by others it may not hold. */
  hops: string;
  timer: NodeJS.Timeout;
}

/** What routers on the way to other chassis said of their MTU. Keys are the caller's. */
export class PathMtus {
  readonly #learned = new Map<string, Learned>();
  readonly #lifetimeMs: number;
  readonly #forgotten: (key: string) => void;

  /** @param forgotten called when a time is over */
  constructor(forgotten: (key: string) => void, lifetimeMs = LIFETIME_MS) {
    this.#forgotten = forgotten;
    this.#lifetimeMs = lifetimeMs;
  }

  close(): void {
    for (const key of [...this.#learned.keys()]) this.forget(key);
  }

  /** @returns whether it is less than what was known: routers do not raise it (RFC 1191 3) */
  learn(key: string, mtu: number, hops: string): boolean {
    const before = this.of(key, hops);
    if (before !== undefined && before <= mtu) return false;
    this.forget(key);
    const timer = setTimeout(() => {
      this.#learned.delete(key);
      this.#forgotten(key);
    }, this.#lifetimeMs).unref();
    this.#learned.set(key, { mtu, hops, timer });
    return true;
  }

  /** Undefined: nothing is known by these next hops. */
  of(key: string, hops: string): number | undefined {
    const learned = this.#learned.get(key);
    return learned?.hops === hops ? learned.mtu : undefined;
  }

  /** Does not say so. */
  forget(key: string): void {
    clearTimeout(this.#learned.get(key)?.timer);
    this.#learned.delete(key);
  }
}
