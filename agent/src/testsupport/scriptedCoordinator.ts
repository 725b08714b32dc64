import { Server, ServerCredentials, type ServerDuplexStream, type status } from '@grpc/grpc-js';
import {
  type AgentMessage,
  type CoordinatorMessage,
  CoordinatorService,
  type Resource,
  type ResourceRef,
} from '@iovisor-ovn/proto';

type Call = ServerDuplexStream<AgentMessage, CoordinatorMessage>;
type Message = NonNullable<AgentMessage['message']>;
type Of<K extends Message['$case']> = Extract<Message, { $case: K }>['value'];

/** One Session call, seen from the coordinator: the test says what is sent and waits for what comes. */
export class ScriptedSession {
  readonly #call: Call;
  readonly #received: Message[] = [];
  #wake: (() => void)[] = [];
  #revision = 0n;
  ended = false;

  constructor(call: Call) {
    this.#call = call;
    call.on('data', ({ message }: AgentMessage) => {
      if (message !== undefined) this.#received.push(message);
      this.#notify();
    });
    const end = () => {
      this.ended = true;
      this.#notify();
    };
    call.on('end', () => {
      end();
      call.end();
    });
    call.on('cancelled', end).on('error', end);
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }

  /** The next message of a kind; those of other kinds before it stay. Rejects after 10 s. */
  async next<K extends Message['$case']>(
    kind: K,
    accept: (value: Of<K>) => boolean = () => true,
  ): Promise<Of<K>> {
    const deadline = AbortSignal.timeout(10_000);
    for (;;) {
      const index = this.#received.findIndex(({ $case, value }) => $case === kind && accept(value as Of<K>));
      if (index >= 0) return this.#received.splice(index, 1)[0]!.value as Of<K>;
      await new Promise<void>((resolve, reject) => {
        this.#wake.push(resolve);
        const kinds = this.#received.map(({ $case }) => $case).join();
        deadline.onabort = () => reject(new Error(`no ${kind} within 10 s; waiting: ${kinds}`));
      });
    }
  }

  async untilEnded(): Promise<void> {
    while (!this.ended) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  send(message: NonNullable<CoordinatorMessage['message']>): void {
    this.#call.write({ message });
  }

  welcome(): void {
    this.send({ $case: 'welcome', value: { coordinator: 'scripted', softwareVersion: 'test' } });
  }

  /** A Delta with its Commit, as the coordinator sends them; a Commit alone when nothing changes. @returns the revision */
  commit(upserts: Resource[], removals: ResourceRef[] = [], { full = false, nbCfg = 0n } = {}): bigint {
    this.#revision += 1n;
    const commit = { revision: this.#revision, nbCfg, full };
    if (upserts.length + removals.length > 0)
      this.send({ $case: 'delta', value: { upserts, removals, commit } });
    else this.send({ $case: 'commit', value: commit });
    return this.#revision;
  }

  /** Commits and waits for the Ack. */
  async apply(...args: Parameters<ScriptedSession['commit']>): Promise<Of<'ack'>> {
    const revision = this.commit(...args);
    return this.next('ack', (ack) => ack.revision === revision);
  }

  fail(code: status, details: string): void {
    this.#call.emit('error', { code, details });
  }

  end(): void {
    this.#call.end();
  }
}

/** A coordinator that does what the test says: a real gRPC server of our own protocol. */
export class ScriptedCoordinator {
  readonly #server = new Server();
  readonly #sessions: ScriptedSession[] = [];
  readonly #waiting: ((session: ScriptedSession) => void)[] = [];
  /** Refuse every session with this. */
  refuse: { code: status; details: string } | undefined;
  refusals = 0;
  port = 0;

  async listen(address = '127.0.0.1:0'): Promise<this> {
    this.#server.addService(CoordinatorService, { session: (call: Call) => this.#accept(call) });
    this.port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
    return this;
  }

  #accept(call: Call): void {
    if (this.refuse !== undefined) {
      this.refusals++;
      call.emit('error', this.refuse);
      return;
    }
    const session = new ScriptedSession(call);
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#sessions.push(session);
    else waiting(session);
  }

  /** The next session, as soon as an agent opens it. */
  session(): Promise<ScriptedSession> {
    const session = this.#sessions.shift();
    if (session !== undefined) return Promise.resolve(session);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Breaks every connection. */
  stop(): void {
    this.#server.forceShutdown();
  }
}
