import { performance } from 'node:perf_hooks';
import type { AgentMessage, ChassisConfig, Refusal, Report } from '@iovisor-ovn/proto';
import type { AckState, Forwarding } from './ackState.js';
import type { InterfaceState, LocalInterfaces } from './interfaceState.js';
import type { ObservationState } from './observationState.js';

type Message = NonNullable<AgentMessage['message']>;

/** What an outbox sends from: always the present state, never a queue of past ones. */
export interface Sources {
  chassisConfig(): ChassisConfig | undefined;
  interfaces(): LocalInterfaces;
  forwarding(): Forwarding;
  isLocalPort(id: string): boolean;
}

/** The sending side of a gRPC stream. */
export interface Sink {
  /** @returns false when nothing more should be written before 'drain' */
  write(message: AgentMessage): boolean;
  on(event: 'drain', listener: () => void): unknown;
}

/** Answers that may wait; a coordinator that asks faster than it reads loses the oldest. */
const MAX_REPORTS = 32;

/**
 * Writes to one stream what has changed, no faster than it is taken: while the stream is full, changes add up in the
 * agent's state, so a slow coordinator costs no memory.
 */
export class Outbox {
  readonly #sink: Sink;
  readonly #sources: Sources;
  readonly #interfaces: InterfaceState;
  readonly #acks: AckState;
  readonly #observations: ObservationState;
  readonly #reports: Report[] = [];
  readonly #refusals = new Map<string, Refusal>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  /** What was sent, and the object that was found to say the same last. */
  #configSent: string;
  #configSeen: ChassisConfig;
  #blocked = false;

  constructor(
    sink: Sink,
    sources: Sources,
    states: {
      interfaces: InterfaceState;
      acks: AckState;
      observations: ObservationState;
      config: ChassisConfig;
    },
  ) {
    this.#sink = sink;
    this.#sources = sources;
    this.#interfaces = states.interfaces;
    this.#acks = states.acks;
    this.#observations = states.observations;
    this.#configSent = JSON.stringify(states.config);
    this.#configSeen = states.config;
    sink.on('drain', () => {
      this.#blocked = false;
      this.pump();
    });
  }

  report(report: Report): void {
    this.#reports.push(report);
    if (this.#reports.length > MAX_REPORTS) this.#reports.shift();
    this.pump();
  }

  /** Says of a resource what it was not asked for: one message each, the last. */
  refusal(refusal: Refusal): void {
    this.#refusals.set(`${refusal.resource?.type}:${refusal.resource?.id}`, refusal);
    this.pump();
  }

  /** Sends what there is to say now. */
  pump(): void {
    while (!this.#blocked && !this.#closed) {
      const message = this.#next();
      if (message === undefined) break;
      this.#blocked = !this.#sink.write({ message });
    }
    if (!this.#blocked && !this.#closed) this.#pumpLater();
  }

  /** Observations wait for their time, and no others for them. */
  #pumpLater(): void {
    const due = this.#observations.due(performance.now());
    if (due === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.pump();
    }, Math.ceil(due));
  }

  /** The stream has ended: nothing more is written. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #changedConfig(): ChassisConfig | undefined {
    const config = this.#sources.chassisConfig();
    if (config === undefined || config === this.#configSeen) return undefined;
    this.#configSeen = config;
    const text = JSON.stringify(config);
    if (text === this.#configSent) return undefined;
    this.#configSent = text;
    return config;
  }

  #next(): Message | undefined {
    const config = this.#changedConfig();
    if (config !== undefined) return { $case: 'chassisConfig', value: config };
    const interfaces = this.#interfaces.difference(this.#sources.interfaces());
    if (interfaces !== undefined) return { $case: 'interfaces', value: interfaces };
    const ack = this.#acks.next(this.#sources.forwarding(), (id) => this.#sources.isLocalPort(id));
    if (ack !== undefined) return { $case: 'ack', value: ack };
    // After the Ack that refused it.
    for (const [key, refusal] of this.#refusals) {
      this.#refusals.delete(key);
      return { $case: 'refusal', value: refusal };
    }
    const report = this.#reports.shift();
    if (report !== undefined) return { $case: 'report', value: report };
    const observations = this.#observations.next(performance.now());
    return observations && { $case: 'observations', value: observations };
  }
}
