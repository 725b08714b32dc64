import { EventEmitter } from 'node:events';
import type { ChannelCredentials } from '@grpc/grpc-js';
import type {
  Commit,
  CoordinatorMessage,
  HeldResource,
  Hello,
  Query,
  Report,
  Welcome,
} from '@iovisor-ovn/proto';
import type { Applied, Change } from '../datapath/change.js';
import type { Observation } from '../datapath/observe/observer.js';
import type { Log } from '../netlink/index.js';
import { AckState } from './ackState.js';
import { type Address, formatAddress } from './address.js';
import { Backoff } from './backoff.js';
import { failureOf } from './failure.js';
import { InterfaceState } from './interfaceState.js';
import { ObservationState } from './observationState.js';
import { Outbox, type Sources } from './outbox.js';
import { Pending } from './pending.js';
import { DEFAULT_TIMING, openStream, type SessionStream, type Timing } from './stream.js';

export interface SessionOptions extends Sources {
  /** Where coordinators are, in the order to try; asked anew before each round. */
  addresses(): readonly Address[];
  /** Asked anew for each attempt. */
  credentials(): ChannelCredentials;
  /** All but the interfaces and the number of the attempt; undefined: this chassis has no name yet. */
  hello(): Omit<Hello, 'interfaces' | 'attempt'> | undefined;
  /** Makes a change take effect, the first of which arrived at `since` (performance.now()). */
  apply(change: Change, since: number): Promise<Applied>;
  /** A commit took effect, and its Ack is on its way. */
  committed(commit: Commit, since: number): void;
  /** The answer to a question, but for its id. */
  report(query: Query): Report | Promise<Report>;
  log: Log;
  timing?: Partial<Timing>;
}

interface SessionEvents {
  /** The coordinator accepted us. */
  live: [welcome: Welcome, address: Address];
  /** The session ended, or an attempt failed. */
  ended: [message: string];
}

/** The Commit that a message is, or bears. */
function commitOf(message: CoordinatorMessage['message']): Commit | undefined {
  if (message?.$case === 'commit') return message.value;
  return message?.$case === 'delta' ? message.value.commit : undefined;
}

/**
 * The agent's end of the Session of session.proto: finds the leading coordinator, states what it holds, applies commits and
 * acknowledges them, for ever. While no coordinator is there nothing happens to the data plane.
 */
export class Session extends EventEmitter<SessionEvents> {
  readonly #options: SessionOptions;
  readonly #timing: Timing;
  readonly #backoff: Backoff;
  #stream: SessionStream | undefined;
  #outbox: Outbox | undefined;
  #interfaces: InterfaceState | undefined;
  #acks: AckState | undefined;
  #nbCfg: { number: bigint; since: number } | undefined;
  #observations: ObservationState | undefined;
  #live = false;
  #stopping = false;
  #loop: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #lastFailure = '';
  #turn = 0;
  #attempts = 0n;
  /** Waiting for a name of this chassis, or for the address of a coordinator. */
  #idle = false;

  constructor(options: SessionOptions) {
    super();
    this.#options = options;
    this.#timing = { ...DEFAULT_TIMING, ...options.timing };
    this.#backoff = new Backoff(this.#timing.backoff);
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Whether a coordinator has accepted us and the stream stands. */
  get live(): boolean {
    return this.#live;
  }

  /** These iface-ids are plugged otherwise than before; poke() sends it. */
  touchInterfaces(ifaceIds: Iterable<string>): void {
    this.#interfaces?.touch(ifaceIds);
  }

  /** These ports started or stopped forwarding; poke(), or the next Ack, sends it. */
  touchForwarding(ids: Iterable<string>): void {
    this.#acks?.touch(ids);
  }

  /** The data plane saw something: the coordinator is told of it, if one is there. */
  observe(observation: Observation): void {
    if (this.#outbox === undefined) return;
    this.#observations!.add(observation);
    this.#outbox.pump();
  }

  /** Resources that were refused are in effect now. */
  healed(resources: readonly HeldResource[]): void {
    for (const { type, id, version } of resources)
      this.#outbox?.refusal({ resource: { type, id }, version, message: '' });
  }

  /** Local facts changed: what the coordinator should know is sent, and a session that waits for them is tried. */
  poke(): void {
    this.#outbox?.pump();
    if (this.#idle) this.#wake?.();
  }

  /** Ends the stream and connects again: the chassis has another name, or the coordinator another address. */
  restart(reason: string): void {
    this.#stream?.abort(reason);
    this.#wake?.();
  }

  /** @param removeChassis the chassis is to vanish from the Southbound DB */
  async stop(removeChassis: boolean): Promise<void> {
    this.#stopping = true;
    if (this.#stream !== undefined) {
      if (this.#live) this.#stream.write({ message: { $case: 'goodbye', value: { removeChassis } } });
      await this.#stream.end(this.#timing.goodbyeMs);
    }
    this.#wake?.();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const addresses = this.#options.addresses();
      const hello = this.#options.hello();
      if (addresses.length === 0 || hello === undefined) {
        this.#idle = true;
        await this.#sleep(undefined);
        this.#idle = false;
        continue;
      }
      await this.#round(addresses, hello);
    }
  }

  /** Tries each address once; stops after a session that had begun. */
  async #round(addresses: readonly Address[], hello: Omit<Hello, 'interfaces' | 'attempt'>): Promise<void> {
    let lasting = false;
    for (let tried = 0; tried < addresses.length && !this.#stopping; tried++) {
      const address = addresses[this.#turn % addresses.length]!;
      const { failure, begun } = await this.#attempt(
        address,
        tried === 0 ? hello : (this.#options.hello() ?? hello),
      );
      if (this.#stopping) return;
      this.#report(address, failure.message, failure.lasting);
      if (begun) {
        this.#backoff.reset();
        // One that went silent would take its time to say nothing.
        if (failure.away) this.#turn++;
        break;
      }
      this.#turn++;
      lasting ||= failure.lasting;
    }
    if (!this.#stopping) await this.#sleep(lasting ? this.#backoff.longest() : this.#backoff.next());
  }

  #report(address: Address, message: string, lasting: boolean): void {
    const text = `${formatAddress(address)}: ${message}`;
    this.emit('ended', text);
    if (text === this.#lastFailure) return;
    this.#lastFailure = text;
    const details = { coordinator: formatAddress(address), reason: message };
    if (lasting) this.#options.log.error(details, 'the coordinator refuses this agent; it keeps trying');
    else this.#options.log.warn(details, 'no session with the coordinator; the data plane goes on as it is');
  }

  async #attempt(address: Address, hello: Omit<Hello, 'interfaces' | 'attempt'>) {
    const interfaces = new InterfaceState();
    const acks = new AckState();
    const observations = new ObservationState();
    this.#observations = observations;
    this.#interfaces = interfaces;
    this.#acks = acks;
    const stream = openStream(address, this.#options.credentials(), this.#timing);
    this.#stream = stream;
    let begun = false;
    try {
      const attempt = ++this.#attempts;
      const value = { ...hello, attempt, interfaces: interfaces.complete(this.#options.interfaces()) };
      stream.write({ message: { $case: 'hello', value } });
      const states = { interfaces, acks, observations, config: hello.chassis! };
      const pending = new Pending();
      await stream.read(({ message }) => {
        if (message?.$case !== 'welcome') return this.#handle(message, pending, acks);
        begun = true;
        this.#begin(stream, states, message.value, address);
        return undefined;
      });
      return {
        failure: { message: 'the coordinator ended the session', lasting: false, away: false },
        begun,
      };
    } catch (error) {
      return { failure: failureOf(error), begun };
    } finally {
      this.#live = false;
      this.#outbox?.close();
      this.#outbox = undefined;
      this.#observations = undefined;
      this.#interfaces = undefined;
      this.#acks = undefined;
      this.#stream = undefined;
      stream.close();
    }
  }

  #begin(
    stream: SessionStream,
    states: ConstructorParameters<typeof Outbox>[2],
    welcome: Welcome,
    address: Address,
  ): void {
    this.#outbox = new Outbox(stream, this.#options, states);
    this.#live = true;
    this.#lastFailure = '';
    const { coordinator, softwareVersion: version } = welcome;
    this.#options.log.info(
      { address: formatAddress(address), coordinator, version },
      'session with the coordinator',
    );
    this.emit('live', welcome, address);
    this.#outbox.pump();
  }

  #handle(
    message: CoordinatorMessage['message'],
    pending: Pending,
    acks: AckState,
  ): Promise<void> | undefined {
    if (message?.$case === 'delta') pending.add(message.value);
    const commit = commitOf(message);
    // An answer may take its time: commits do not wait for it.
    if (message?.$case === 'query') void this.#answer(message.value);
    if (commit === undefined) return undefined;
    const { since } = pending;
    return this.#apply(commit, pending.take(commit.full), since, acks);
  }

  async #apply(commit: Commit, change: Change, arrived: number, acks: AckState): Promise<void> {
    const { refusals, forwarding } = await this.#options.apply(change, arrived);
    const since = this.#nbCfgSince(commit);
    acks.applied(commit, since, refusals, forwarding);
    this.#outbox?.pump();
    this.#options.committed(commit, since);
  }

  /** When the configuration of the commit's number took effect, ms since 1970. */
  #nbCfgSince({ nbCfg }: Commit): number {
    if (this.#nbCfg?.number !== nbCfg) this.#nbCfg = { number: nbCfg, since: Date.now() };
    return this.#nbCfg.since;
  }

  async #answer(query: Query): Promise<void> {
    const outbox = this.#outbox;
    try {
      const report = await this.#options.report(query);
      // Another session's question has another number.
      if (outbox === this.#outbox) outbox?.report({ ...report, queryId: query.id });
    } catch (error) {
      this.#options.log.error({ error: String((error as Error).stack) }, 'a question could not be answered');
    }
  }

  /** @param milliseconds undefined: until something changes */
  #sleep(milliseconds: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = milliseconds === undefined ? undefined : setTimeout(() => this.#wake?.(), milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }
}
