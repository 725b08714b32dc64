import { Query, type Report, type ReportKind, type TraceRequest } from '@iovisor-ovn/proto';

const defaultTimeoutMs = 2000;

/** What goes with a question. */
export interface Ask {
  /** REPORT_PORTS: only this port, with its details. */
  port?: string;
  trace?: TraceRequest;
  /** Default: two seconds. */
  timeoutMs?: number;
  /** REPORT_VERIFY: what differs is put right. */
  repair?: boolean;
}

/** Questions to one agent and its answers, matched by id. */
export class Queries {
  readonly #send: (query: Query) => Promise<void>;
  readonly #open = new Map<bigint, (report?: Report) => void>();
  #last = 0n;
  #closed = false;

  constructor(send: (query: Query) => Promise<void>) {
    this.#send = send;
  }

  /** Resolves with the agent's report, or undefined when none comes in time or the session ends. */
  ask(
    kind: ReportKind,
    { port = '', trace, repair = false, timeoutMs = defaultTimeoutMs }: Ask = {},
  ): Promise<Report | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const id = ++this.#last;
    return new Promise((resolve) => {
      const timer = setTimeout(() => finish(undefined), timeoutMs);
      const finish = (report?: Report) => {
        clearTimeout(timer);
        this.#open.delete(id);
        resolve(report);
      };
      this.#open.set(id, finish);
      void this.#send(Query.create({ id, kind, port, trace, repair }));
    });
  }

  /** An answer that came; one that nobody waits for any more is dropped. */
  answer(report: Report): void {
    this.#open.get(report.queryId)?.(report);
  }

  close(): void {
    this.#closed = true;
    for (const finish of [...this.#open.values()]) finish();
  }
}
