import { randomUUID } from 'node:crypto';
import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import type { AgentMessage, CoordinatorMessage, CoordinatorServer, Hello } from '@iovisor-ovn/proto';
import type { Logger } from 'pino';
import { MultiMap } from '../logic/multimap.js';
import type { ProblemRegistry } from '../problems/registry.js';
import type { AgentDirectory, Plugged } from '../southbound/claims.js';
import { AgentSession, type SessionHost } from './agent-session.js';
import { sizeOf } from './bounded-service.js';
import { Budgets, costOf } from './budget.js';
import { certifiedNames } from './identity.js';
import { limits } from './limits.js';
import { SessionStream } from './stream.js';
import { Turns } from './turns.js';
import { BadMessage, validateHello } from './validate.js';

/** Agents try again with a back-off well below this. */
const twinMemoryMs = 60_000;

/** How long a chassis counts as alive after its session ended: an agent that restarts is back sooner. */
const graceMs = 5000;

type Call = ServerDuplexStream<AgentMessage, CoordinatorMessage>;

/** What decides over new sessions and hears of their comings and goings. */
export interface SessionsHost extends SessionHost {
  /** Resolves when it can be said who leads and what agents must hold; at once except in the first moments. */
  ready(): Promise<void>;
  /** Why no session is accepted now; undefined when they are. */
  refuses(): string | undefined;
  /** Called when a session begins, before anything is sent. May end it. */
  opened(session: AgentSession): void;
  /** Called when it is over. */
  closed(session: AgentSession): void;
  /** Called when isAlive() of a chassis without a session became false; undefined: of any of them. */
  expired(chassis?: string): void;
}

/** All agents' sessions, and who has which interface plugged. */
export class Sessions implements AgentDirectory {
  readonly #host: SessionsHost;
  readonly #problems: ProblemRegistry;
  readonly #log: Logger;
  readonly #version: string;
  readonly #instance = randomUUID();
  readonly #sessions = new Map<string, AgentSession>();
  readonly #plugged = new MultiMap<string, AgentSession>();
  readonly #orders = new WeakMap<AgentSession, Map<string, number>>();
  readonly #twins = new Map<string, NodeJS.Timeout>();
  readonly #budgets = new Budgets();
  readonly #openings = new Turns();
  readonly #leaving = new Map<string, NodeJS.Timeout>();
  /** Since the start. `refused` by status, `commits` by what they are. */
  readonly counters = {
    opened: 0,
    closed: 0,
    refused: new Map<string, number>(),
    commits: { full: 0, change: 0 },
  };
  #beginning?: NodeJS.Timeout;
  #order = 0;

  constructor(host: SessionsHost, problems: ProblemRegistry, log: Logger, version: string) {
    this.#host = host;
    this.#problems = problems;
    this.#log = log;
    this.#version = version;
  }

  /** The gRPC service. */
  get service(): CoordinatorServer {
    return { session: (call) => this.#accept(call) };
  }

  get(chassis: string): AgentSession | undefined {
    return this.#sessions.get(chassis);
  }

  all(): IterableIterator<AgentSession> {
    return this.#sessions.values();
  }

  every(condition: (session: AgentSession) => boolean): boolean {
    for (const session of this.#sessions.values()) if (!condition(session)) return false;
    return true;
  }

  isConnected(chassis: string): boolean {
    return this.#sessions.has(chassis);
  }

  isAlive(chassis: string): boolean {
    return this.#sessions.has(chassis) || this.#beginning !== undefined || this.#leaving.has(chassis);
  }

  /** This coordinator leads from now on: who has no session yet may be about to open one. */
  beginGrace(): void {
    clearTimeout(this.#beginning);
    const over = () => {
      this.#beginning = undefined;
      this.#host.expired();
    };
    this.#beginning = setTimeout(over, graceMs).unref();
  }

  *plugged(ifaceId: string): Generator<Plugged> {
    for (const session of this.#plugged.get(ifaceId)) {
      const plugged = session.interfaces.get(ifaceId);
      if (!plugged) continue;
      const order = this.#orders.get(session)?.get(ifaceId) ?? 0;
      const forwarding = (portUuid: string) => session.forwards(portUuid);
      yield { chassis: session.name, interface: plugged, order, forwarding };
    }
  }

  /** To be called when a session's interfaces with these ids came, changed or went. */
  indexInterfaces(session: AgentSession, ifaceIds: Iterable<string>): void {
    const orders = this.#orders.get(session) ?? new Map<string, number>();
    this.#orders.set(session, orders);
    for (const id of ifaceIds) {
      if (session.interfaces.has(id) && this.#sessions.get(session.name) === session) {
        this.#plugged.add(id, session);
        if (!orders.has(id)) orders.set(id, ++this.#order);
      } else {
        this.#plugged.delete(id, session);
        orders.delete(id);
      }
    }
  }

  /** What made them wait is over. */
  kickHeldBack(): void {
    for (const session of this.#sessions.values()) if (session.isHeldBack) session.kick();
  }

  /** True when an agent has yet to acknowledge what goes with this NB_Global.nb_cfg. */
  owe(nbCfg: bigint): boolean {
    for (const session of this.#sessions.values()) if (session.owes(nbCfg)) return true;
    return false;
  }

  /** Something that every agent is told may have changed. */
  kickAll(): void {
    for (const session of this.#sessions.values()) session.kick();
  }

  /** Ends all sessions: this coordinator leads no more. */
  endAll(details: string): void {
    for (const session of [...this.#sessions.values()]) session.end(status.UNAVAILABLE, details);
  }

  #accept(call: Call): void {
    const stream = new SessionStream(call);
    let session: AgentSession | undefined;
    const late = setTimeout(() => {
      this.#refuse(stream, status.DEADLINE_EXCEEDED, 'no Hello came');
    }, limits.helloMs).unref();
    stream.onEnd(() => clearTimeout(late));
    call.on('data', (received: AgentMessage) => {
      if (stream.ended) return;
      const { message } = received;
      if (session) {
        this.#slowDown(call, session.name, received);
        session.receive(message);
        return;
      }
      clearTimeout(late);
      // What comes behind the Hello waits for its answer.
      call.pause();
      const open = () => {
        if (!stream.ended) session = this.#open(call, stream, received);
        call.resume();
      };
      // When all come at once, each gets a turn of the event loop.
      void this.#host.ready().then(() => this.#openings.next(open));
    });
    // The agent closes its side: so do we.
    call.on('end', () => call.end());
  }

  /** An agent that says more than it may is listened to later: flow control holds it back meanwhile. */
  #slowDown(call: Call, chassis: string, received: AgentMessage): void {
    const waitMs = this.#budgets.spend(chassis, costOf(received, sizeOf(received)));
    if (waitMs === 0) return;
    call.pause();
    setTimeout(() => call.resume(), Math.ceil(waitMs)).unref();
  }

  /** Answers a Hello; undefined when it was refused. */
  #open(call: Call, stream: SessionStream, received: AgentMessage): AgentSession | undefined {
    const refusal = this.#host.refuses();
    if (refusal !== undefined) return this.#refuse(stream, status.UNAVAILABLE, refusal);
    let hello: Hello;
    try {
      hello = validateHello(received.message);
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      return this.#refuse(stream, status.INVALID_ARGUMENT, error.message);
    }
    const name = hello.chassis!.name;
    const certified = certifiedNames(call);
    if (certified !== undefined && !certified.includes(name)) {
      const details = `the certificate is for "${certified.join('", "')}", which cannot speak for chassis ${name} (external_ids:system-id)`;
      return this.#refuse(stream, status.PERMISSION_DENIED, details);
    }
    const other = this.#sessions.get(name);
    if (other && other.instance !== hello.instance) {
      const details = `chassis ${name} is connected from ${other.peer} since ${other.since.toISOString()}; give one of the two another external_ids:system-id`;
      this.#reportTwin(name, stream.peer, other.peer);
      return this.#refuse(stream, status.ALREADY_EXISTS, details);
    }
    if (isOutdated(hello, other))
      return this.#refuse(stream, status.ABORTED, 'a later session of the same agent was accepted');
    if (this.#budgets.spend(name, costOf(received, sizeOf(received))) > 0)
      return this.#refuse(stream, status.RESOURCE_EXHAUSTED, 'too many sessions in a short time; try later');
    this.#problems.replace(`twin:${name}`, []);
    other?.end(status.ABORTED, 'replaced by a new session of the same agent');
    return this.#begin(hello, stream);
  }

  #begin(hello: Hello, stream: SessionStream): AgentSession {
    const session = new AgentSession(hello, stream, this.#host, this.#log);
    this.#log.info(
      {
        chassis: session.name,
        peer: session.peer,
        held: hello.held.length,
        interfaces: session.interfaces.size,
      },
      'session opened',
    );
    this.counters.opened++;
    this.#sessions.set(session.name, session);
    clearTimeout(this.#leaving.get(session.name));
    this.#leaving.delete(session.name);
    this.indexInterfaces(session, session.interfaces.keys());
    stream.onEnd(() => this.#close(session));
    const welcome = { coordinator: this.#instance, softwareVersion: this.#version };
    void stream.send({ message: { $case: 'welcome', value: welcome } });
    this.#host.opened(session);
    session.kick();
    return session;
  }

  #close(session: AgentSession): void {
    this.counters.closed++;
    session.queries.close();
    const current = this.#sessions.get(session.name) === session;
    if (current) this.#sessions.delete(session.name);
    this.indexInterfaces(session, [...session.interfaces.keys()]);
    this.#log.info({ chassis: session.name, peer: session.peer }, 'session closed');
    if (!current) return;
    this.#startLeaving(session.name);
    this.#host.closed(session);
  }

  #startLeaving(name: string): void {
    const gone = () => {
      this.#leaving.delete(name);
      this.#budgets.forgetFull();
      this.#host.expired(name);
    };
    this.#leaving.set(name, setTimeout(gone, graceMs).unref());
  }

  /** Listed until the chassis connects anew, or the second agent has not tried for a while. */
  #reportTwin(name: string, refused: string, connected: string): void {
    clearTimeout(this.#twins.get(name));
    const scope = `twin:${name}`;
    const heal = setTimeout(() => {
      this.#twins.delete(name);
      this.#problems.replace(scope, []);
    }, twinMemoryMs);
    this.#twins.set(name, heal.unref());
    this.#problems.replace(scope, [twin(name, host(refused), host(connected))]);
  }

  #refuse(stream: SessionStream, code: status, details: string): undefined {
    const { refused } = this.counters;
    refused.set(status[code], (refused.get(status[code]) ?? 0) + 1);
    // Without the port it is the same line each time, which the log writes only once a minute.
    this.#log.warn({ peer: host(stream.peer), code: status[code], reason: details }, 'session refused');
    stream.end(code, details);
    return undefined;
  }
}

/** Its network kept the Hello back for so long that the agent has given it up and come anew: what it states was so before. */
function isOutdated({ attempt }: Hello, other: AgentSession | undefined): boolean {
  return attempt !== undefined && other?.attempt !== undefined && attempt < other.attempt;
}

/** A peer address without its port, which is another at each attempt. */
function host(peer: string): string {
  return peer.replace(/:\d+$/, '');
}

function twin(name: string, refused: string, connected: string) {
  return {
    where: `session (${name})`,
    name,
    node: name,
    message: `a second agent with system-id ${name} tried to connect from ${refused} and was refused: ${connected} has the session; give one of the two another external_ids:system-id`,
  };
}
