import { status } from '@grpc/grpc-js';
import {
  type Ack,
  type AgentMessage,
  type ChassisConfig,
  type CoordinatorMessage,
  type Delta,
  type Hello,
  type Interfaces,
  type LocalInterface,
  type Observations,
  type Refusal,
  ResourceType,
} from '@iovisor-ovn/proto';
import type { Logger } from 'pino';
import { type CompiledResource, type ResourceKey, refKey, resourceKey } from '../logic/resource.js';
import { IntentClock, type IntentTimes } from './intent-clock.js';
import { limits } from './limits.js';
import { isLocalPort, Outbox } from './outbox.js';
import { Queries } from './queries.js';
import type { SessionStream } from './stream.js';
import { Turns } from './turns.js';
import { BadMessage, validateChassis } from './validate.js';

/** What a session needs of the rest of the coordinator. */
export interface SessionHost {
  resource(chassis: string, key: ResourceKey): CompiledResource | undefined;
  wanted(chassis: string): Iterable<ResourceKey>;
  /** NB_Global.nb_cfg contained in what resource() gives now. */
  nbCfg(): bigint;
  /** Something that will change what the chassis must hold is being written to Southbound. */
  isUnsettled(chassis: string): boolean;
  interfacesChanged(session: AgentSession, ifaceIds: readonly string[]): void;
  /** It has so many more interfaces than are looked at; 0: no more so. */
  interfacesIgnored(session: AgentSession, count: number): void;
  /** `complete`: it told of all its ports. */
  forwardingChanged(session: AgentSession, portUuids: readonly string[], complete: boolean): void;
  configChanged(session: AgentSession): void;
  /** `since`: when that took effect, ms since 1970; 0: not said. */
  acknowledged(session: AgentSession, nbCfg: bigint, since: number): void;
  /** A Commit was sent. */
  committed(full: boolean): void;
  /** The agent acknowledged a commit with changes in it. */
  intentDone(times: IntentTimes): void;
  refused(session: AgentSession, refusals: readonly Refusal[]): void;
  goodbye(session: AgentSession, removeChassis: boolean): void;
  /** Whatever it says is about the session's own chassis. */
  observed(session: AgentSession, observations: Observations): void;
}

const turns = new Turns();

/** How long what is known is held back for a registration that is being written: then it goes without. */
const unsettledMs = 1000;

const dayMs = 24 * 3600 * 1000;

/** The coordinator's side of one agent's session, after its Hello was accepted. */
export class AgentSession {
  readonly name: string;
  readonly instance: string;
  /** Which one of the instance's; undefined: not said. */
  readonly attempt: bigint | undefined;
  readonly softwareVersion: string;
  readonly abi: number;
  readonly since = new Date();
  readonly queries: Queries;
  readonly #host: SessionHost;
  readonly #stream: SessionStream;
  readonly #log: Logger;
  readonly #outbox: Outbox;
  readonly #interfaces = new Map<string, LocalInterface>();
  readonly #forwarding = new Set<string>();
  /** Ports that the commit under way takes from the agent: it says no more of them. */
  readonly #leaving = new Set<string>();
  readonly #clock = new IntentClock();
  #config: ChassisConfig;
  #ignored = 0;
  #forwardingKnown = false;
  #fullSent = false;
  #revision = 0;
  #acked = 0;
  #nbCfgAcked = 0n;
  #outstanding?: { revision: number; nbCfg: bigint; sentAt: number };
  #lastAckMs = 0;
  #nbCfgSent = -1n;
  #flushing = false;
  #scheduled = false;
  #unsettledSince?: number;

  constructor(hello: Hello, stream: SessionStream, host: SessionHost, log: Logger) {
    this.#config = hello.chassis!;
    this.name = this.#config.name;
    this.instance = hello.instance;
    this.attempt = hello.attempt;
    this.softwareVersion = hello.softwareVersion;
    this.abi = hello.abi;
    this.#stream = stream;
    this.#host = host;
    this.#log = log;
    this.queries = new Queries((query) => this.#send({ $case: 'query', value: query }));
    this.#outbox = new Outbox(hello.held, host.wanted(this.name));
    for (const one of hello.interfaces?.upserts ?? []) this.#setInterface(one);
  }

  /** Interfaces that are not looked at because they are too many. */
  get ignoredInterfaces(): number {
    return this.#ignored;
  }

  get config(): ChassisConfig {
    return this.#config;
  }

  get interfaces(): ReadonlyMap<string, LocalInterface> {
    return this.#interfaces;
  }

  get peer(): string {
    return this.#stream.peer;
  }

  /** Revisions sent and acknowledged, and the NB_Global.nb_cfg that was acknowledged with them. */
  get revisions(): { sent: number; acked: number; nbCfgAcked: bigint } {
    return { sent: this.#revision, acked: this.#acked, nbCfgAcked: this.#nbCfgAcked };
  }

  /** How long the oldest change is known that the agent has not acknowledged, ms; 0: it has everything. */
  get lagMs(): number {
    const { oldest } = this.#clock;
    return oldest === undefined ? 0 : performance.now() - oldest;
  }

  /** How long the last acknowledgement took, from sending its commit, ms. */
  get lastAckMs(): number {
    return this.#lastAckMs;
  }

  /** True when the agent has yet to acknowledge what goes with this NB_Global.nb_cfg. */
  owes(nbCfg: bigint): boolean {
    return this.#outstanding !== undefined || this.#nbCfgSent < nbCfg;
  }

  /** It has something to send, and waits with it for what else there is. */
  get isHeldBack(): boolean {
    return this.#unsettledSince !== undefined;
  }

  /** Whether the port forwards on this agent; undefined while it has not told what does. */
  forwards(portUuid: string): boolean | undefined {
    if (this.#forwarding.has(portUuid) && !this.#leaving.has(portUuid)) return true;
    return this.#forwardingKnown ? false : undefined;
  }

  /** @param since when that happened which may have changed the resource, as performance.now() says */
  mark(key: ResourceKey, since: number): void {
    this.#clock.marked(since, this.#outbox.mark(key));
  }

  /** What the agent holds there is unknown: it is told anew. */
  forget(key: ResourceKey): void {
    this.#outbox.forget(key);
  }

  /** Something may have changed for this agent: it is sent what did, after this turn of the event loop. */
  kick(): void {
    if (this.#scheduled || this.#stream.ended) return;
    this.#scheduled = true;
    turns.next(() => {
      this.#scheduled = false;
      this.#flush().catch((error: unknown) => this.#fail(error));
    });
  }

  /** Ends the session with a gRPC status. */
  end(code: status, details: string): void {
    this.queries.close();
    this.#stream.end(code, details);
  }

  /** Takes a message from the agent. A bad one ends the session and says why. */
  receive(message: AgentMessage['message']): void {
    try {
      this.#receive(message);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** What one agent brings about ends its own session and nothing else. */
  #fail(error: unknown): void {
    if (error instanceof BadMessage) {
      this.#log.warn({ chassis: this.name, reason: error.message }, 'session ended: bad message');
      this.end(status.INVALID_ARGUMENT, error.message);
    } else {
      this.#log.error(
        { chassis: this.name, err: error },
        'session ended: internal error; please report this',
      );
      this.end(status.INTERNAL, 'internal error; see the coordinator’s log');
    }
  }

  #receive(message: AgentMessage['message']): void {
    switch (message?.$case) {
      case 'interfaces':
        this.#takeInterfaces(message.value);
        break;
      case 'ack':
        this.#takeAck(message.value);
        break;
      case 'refusal':
        this.#takeRefusals([message.value]);
        break;
      case 'chassisConfig':
        this.#takeConfig(message.value);
        break;
      case 'report':
        this.queries.answer(message.value);
        break;
      case 'observations':
        this.#host.observed(this, message.value);
        break;
      case 'goodbye':
        this.#host.goodbye(this, message.value.removeChassis);
        break;
      case 'hello':
        throw new BadMessage('Hello came twice');
      default:
        // A message of a later protocol version.
        break;
    }
  }

  #takeInterfaces(update: Interfaces): void {
    const touched = new Set([...update.upserts.map((one) => one.ifaceId), ...update.removals]);
    if (update.complete) {
      for (const id of this.#interfaces.keys()) touched.add(id);
      this.#interfaces.clear();
      this.#ignored = 0;
    }
    const ignored = this.#ignored;
    for (const id of update.removals) this.#interfaces.delete(id);
    for (const one of update.upserts) this.#setInterface(one);
    this.#host.interfacesChanged(this, [...touched]);
    if (this.#ignored !== ignored || update.complete) this.#host.interfacesIgnored(this, this.#ignored);
    // Which ones were not looked at is not known: all of them are, after the next Hello.
    if (this.#ignored > 0 && this.#interfaces.size < limits.interfacesAgain)
      this.end(status.ABORTED, 'there is room for all interfaces again: open a new session with them');
  }

  #setInterface(one: LocalInterface): void {
    const fits = one.ifaceId.length <= limits.nameLength && one.tap.length <= limits.nameLength;
    if (fits && (this.#interfaces.size < limits.interfaces || this.#interfaces.has(one.ifaceId)))
      this.#interfaces.set(one.ifaceId, one);
    else this.#ignored++;
  }

  /** What it says of resources that it does not have is not kept: there is no end of those. */
  #takeRefusals(refusals: readonly Refusal[]): void {
    const known = refusals.filter(({ resource }) => {
      const key = resource && refKey(resource);
      return key !== undefined && this.#outbox.holds(key);
    });
    if (known.length === 0) return;
    const cut = ({ message }: Refusal) => message.slice(0, limits.refusalLength);
    this.#host.refused(
      this,
      known.map((refusal) => ({ ...refusal, message: cut(refusal) })),
    );
  }

  #takeConfig(config: ChassisConfig): void {
    validateChassis(config);
    if (config.name !== this.name)
      throw new BadMessage(
        `system-id changed from ${this.name} to ${config.name}: open a new session for it`,
      );
    this.#config = config;
    this.#host.configChanged(this);
  }

  #takeAck(ack: Ack): void {
    const outstanding = this.#outstanding;
    const revision = Number(ack.revision);
    if (revision > this.#revision) throw new BadMessage(`Ack of revision ${revision}, which was never sent`);
    // What it said before it knew of the commit does not count for them.
    if (outstanding?.revision === revision) this.#forgetLeaving();
    const touched = this.#takeForwarding(ack);
    this.#takeRefusals(ack.refusals);
    if (touched.length > 0 || ack.forwardingComplete)
      this.#host.forwardingChanged(this, touched, ack.forwardingComplete);
    if (outstanding?.revision !== revision) return;
    this.#outstanding = undefined;
    this.#acked = revision;
    this.#lastAckMs = performance.now() - outstanding.sentAt;
    this.#nbCfgAcked = outstanding.nbCfg;
    const times = this.#clock.acknowledged();
    if (times) this.#host.intentDone(times);
    this.#host.acknowledged(this, outstanding.nbCfg, plausibleTime(ack.nbCfgTimestamp));
    this.kick();
  }

  #forgetLeaving(): void {
    for (const id of this.#leaving) this.#forwarding.delete(id);
    this.#leaving.clear();
  }

  /** Returns the ports whose state may be news. */
  #takeForwarding(ack: Ack): string[] {
    const touched = new Set([...ack.forwarding, ...ack.notForwarding]);
    if (ack.forwardingComplete) {
      for (const id of this.#forwarding) touched.add(id);
      this.#forwarding.clear();
      this.#forwardingKnown = true;
    }
    for (const id of ack.forwarding)
      if (this.#outbox.holds(resourceKey(ResourceType.LOGICAL_PORT, id))) this.#forwarding.add(id);
    for (const id of ack.notForwarding) this.#forwarding.delete(id);
    return [...touched];
  }

  async #flush(): Promise<void> {
    if (this.#isHeldBack() || this.#flushing || this.#outstanding || this.#stream.ended) return;
    this.#flushing = true;
    this.#clock.flushing();
    try {
      const last = await this.#sendChanges();
      if (this.#stream.ended) return;
      // What is not in it yet keeps its number for the next commit.
      const behind = this.#host.isUnsettled(this.name) || !this.#outbox.isComplete;
      const nbCfg = behind ? notNegative(this.#nbCfgSent) : this.#host.nbCfg();
      if (!last && this.#fullSent && nbCfg === this.#nbCfgSent) return this.#clock.nothing();
      this.#commit(nbCfg, last);
    } finally {
      this.#flushing = false;
    }
  }

  /** Sends what changed, except for the last Delta: the Commit goes with that one. */
  async #sendChanges(): Promise<Delta | undefined> {
    let last: Delta | undefined;
    while (!this.#outbox.isEmpty && !this.#stream.ended) {
      const delta = this.#outbox.take((key) => this.#host.resource(this.name, key));
      if (delta) {
        if (last) await this.#send({ $case: 'delta', value: last });
        for (const { id } of delta.removals) this.#leaving.add(id);
        for (const resource of delta.upserts) if (!isLocalPort(resource)) this.#leaving.add(resource.id);
        last = delta;
      }
      if (!this.#outbox.isEmpty) await new Promise(setImmediate);
    }
    return last;
  }

  #commit(nbCfg: bigint, last?: Delta): void {
    const revision = ++this.#revision;
    this.#outstanding = { revision, nbCfg, sentAt: performance.now() };
    this.#nbCfgSent = nbCfg;
    this.#outbox.committed();
    const full = !this.#fullSent;
    this.#fullSent = true;
    this.#clock.sent(last !== undefined && !full);
    this.#host.committed(full);
    const commit = { revision: BigInt(revision), nbCfg, full };
    void this.#send(
      last ? { $case: 'delta', value: { ...last, commit } } : { $case: 'commit', value: commit },
    );
  }

  /** Something is under way which changes within a moment what the agent must hold: one commit with it is better than two. */
  #isHeldBack(): boolean {
    if (!this.#host.isUnsettled(this.name)) {
      this.#unsettledSince = undefined;
      return false;
    }
    const now = performance.now();
    if (this.#unsettledSince === undefined) {
      this.#unsettledSince = now;
      // Timers may be a millisecond early.
      setTimeout(() => this.kick(), unsettledMs + 2).unref();
    }
    return now - this.#unsettledSince < unsettledMs;
  }

  #send(message: CoordinatorMessage['message']): Promise<void> {
    return this.#stream.send({ message });
  }
}

/** A clock that is far off is none; Southbound takes no number beyond 64 bits. */
function plausibleTime(ms: bigint): number {
  const now = Date.now();
  return ms > 0n && ms < BigInt(now + dayMs) ? Number(ms) : 0;
}

function notNegative(nbCfg: bigint): bigint {
  return nbCfg < 0n ? 0n : nbCfg;
}
