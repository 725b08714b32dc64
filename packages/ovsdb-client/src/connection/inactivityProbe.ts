/** What an InactivityProbe needs of its connection. */
export interface ProbeOptions {
  /** Silence after which the peer is asked whether it lives, in milliseconds; 0 = never. */
  readonly intervalMs: number;
  /** True while received data waits to be worked on: then silence means nothing. */
  readonly busy: () => boolean;
  /** Sends an echo request. */
  readonly send: () => void;
  readonly fail: (reason: Error) => void;
}

/**
 * Asks a silent peer whether it lives (echo, RFC 7047 section 4.1.11) and reports failure when it stays silent for as
 * long again. Whatever is received counts as a sign of life.
 */
export class InactivityProbe {
  readonly #options: ProbeOptions;
  #intervalMs: number;
  #stopped = false;
  #lastActivity = performance.now();
  #probing = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ProbeOptions) {
    this.#options = options;
    this.#intervalMs = options.intervalMs;
    this.#schedule(options.intervalMs);
  }

  /** From now on with another interval; 0 = no more. */
  setInterval(intervalMs: number): void {
    if (intervalMs === this.#intervalMs || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#intervalMs = intervalMs;
    this.#probing = false;
    this.#schedule(intervalMs);
  }

  /** Something was received. */
  activity(): void {
    this.#lastActivity = performance.now();
    this.#probing = false;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(delayMs: number): void {
    if (this.#intervalMs > 0) this.#timer = setTimeout(() => this.#check(), delayMs);
  }

  #check(): void {
    const { busy, send, fail } = this.#options;
    const intervalMs = this.#intervalMs;
    const idle = performance.now() - this.#lastActivity;
    if (busy()) {
      // The peer's own probe may wait behind a snapshot that is being worked on: ours tells it that we live.
      send();
      this.#probing = false;
    } else if (idle < intervalMs) {
      this.#schedule(intervalMs - idle);
      return;
    } else if (this.#probing) {
      const seconds = (idle / 1000).toFixed(1);
      fail(new Error(`the server was silent for ${seconds} s and did not answer the inactivity probe`));
      return;
    } else {
      this.#probing = true;
      send();
    }
    this.#schedule(intervalMs);
  }
}
