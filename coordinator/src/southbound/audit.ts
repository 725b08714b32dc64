import type { Logger } from 'pino';
import type { PortState } from '../logic/southbound.js';

const roundMs = 10_000;
/** Some hundred microseconds of work. */
const portsPerSlice = 50;

export interface AuditedClaims {
  isForgotten(port: PortState): boolean;
  reconcile(name: string): void;
}

/**
 * A safety net: looks at all ports once a round, a few at a time. What it finds twice in a row is a bug elsewhere, so it
 * is said, and put right.
 */
export class ClaimAudit {
  readonly #ports: ReadonlyMap<string, PortState>;
  readonly #claims: AuditedClaims;
  readonly #isQuiet: () => boolean;
  readonly #log: Logger;
  #suspects = new Set<PortState>();
  #timer?: NodeJS.Timeout;

  /** `isQuiet`: everything that came from the databases is worked in, and writing is possible. */
  constructor(
    ports: ReadonlyMap<string, PortState>,
    claims: AuditedClaims,
    isQuiet: () => boolean,
    log: Logger,
  ) {
    this.#ports = ports;
    this.#claims = claims;
    this.#isQuiet = isQuiet;
    this.#log = log;
  }

  start(): void {
    this.#timer = setTimeout(() => void this.round().finally(() => this.start()), roundMs).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Looks at every port once. */
  async round(): Promise<void> {
    const suspects = new Set<PortState>();
    let looked = 0;
    for (const port of this.#ports.values()) {
      if (!this.#isQuiet()) return;
      if (this.#claims.isForgotten(port)) this.#found(port, suspects);
      if (++looked % portsPerSlice === 0) await new Promise(setImmediate);
    }
    this.#suspects = suspects;
  }

  #found(port: PortState, suspects: Set<PortState>): void {
    // The answer to a write may be a moment ahead of the row that it changed.
    if (!this.#suspects.has(port)) {
      suspects.add(port);
      return;
    }
    const { logical_port: name, _uuid: uuid } = port.row;
    this.#log.warn({ port: name, uuid }, 'a port was not bound or up as it must be; please report this');
    this.#claims.reconcile(name);
  }
}
