import { EventEmitter } from 'node:events';
import { status } from '@grpc/grpc-js';
import { TlsFollower } from '@iovisor-ovn/endpoint';
import type { Observations, Refusal } from '@iovisor-ovn/proto';
import type { Logger } from 'pino';
import { type CoordinatorConfig, databaseTls } from './config/coordinator-config.js';
import { ChangeFeed } from './feed/change-feed.js';
import { Leadership } from './leadership.js';
import { Compiler } from './logic/compiler.js';
import { type CompiledResource, type ResourceKey, refKey } from './logic/resource.js';
import { IntentLatency } from './metrics/intent-latency.js';
import { Database } from './monitor/database.js';
import { probeInterval } from './monitor/probe-interval.js';
import { ChangePump, type Step } from './monitor/pump.js';
import type {
  NbGlobalRow,
  NorthboundChange,
  NorthboundRows,
  SouthboundChange,
  SouthboundRows,
} from './monitor/rows.js';
import { ipMulticastTables, northboundTables, southboundTables } from './monitor/tables.js';
import { ProblemRegistry } from './problems/registry.js';
import type { AgentSession } from './session/agent-session.js';
import type { IntentTimes } from './session/intent-clock.js';
import { limits } from './session/limits.js';
import { refusalName } from './session/outbox.js';
import { Sessions, type SessionsHost } from './session/sessions.js';
import { ClaimAudit } from './southbound/audit.js';
import { Claims } from './southbound/claims.js';
import { MacLearner } from './southbound/mac-learner.js';
import { MulticastLearner } from './southbound/multicast-learner.js';
import { Observer } from './southbound/observer.js';
import { EncapConflict, Registrar } from './southbound/registrar.js';
import { SouthboundRegistry } from './southbound/registry.js';
import { ReloadGuard } from './southbound/reload-guard.js';
import type { WriteCounts } from './southbound/write-counts.js';
import { SouthboundWriter } from './southbound/writer.js';

/** How long an agent that comes while the databases are still being read is kept waiting. */
const patienceMs = 3000;

/** How long an acknowledgement waits for those of other hypervisors, to be written with them. */
const ackPatienceMs = 2;

/** The coordinator without its listeners: replicas, logic, sessions and what is written back. */
export class Coordinator extends EventEmitter<{ state: []; loaded: [] }> implements SessionsHost {
  readonly problems: ProblemRegistry;
  /** What changes, for those who watch. */
  readonly feed: ChangeFeed;
  readonly northbound: Database<NorthboundRows>;
  readonly southbound: Database<SouthboundRows>;
  readonly compiler: Compiler;
  readonly sessions: Sessions;
  readonly leadership: Leadership;
  readonly latency = new IntentLatency();
  readonly #log: Logger;
  readonly #writer: SouthboundWriter;
  readonly #claims: Claims;
  readonly #learner: MacLearner;
  readonly #multicast: MulticastLearner;
  readonly #observer: Observer;
  readonly #audit: ClaimAudit;
  readonly #registrar: Registrar;
  readonly #guard: ReloadGuard;
  readonly #pump: ChangePump;
  readonly #refusals = new Map<string, Map<ResourceKey, Refusal>>();
  readonly #databaseTls?: TlsFollower;
  readonly #followers: TlsFollower[] = [];
  #nbCfg = 0n;
  #loaded = false;
  /** How far the pump was when it was last looked at; undefined: it had nothing to do. */
  #takenBefore: number | undefined;

  constructor(config: CoordinatorConfig, log: Logger, version: string) {
    super();
    // One listener for each agent that waits.
    this.setMaxListeners(0);
    this.#log = log;
    this.problems = new ProblemRegistry(log);
    this.feed = new ChangeFeed((uuid) => this.compiler.southbound.chassisByUuid(uuid)?.row.name ?? uuid);
    this.problems.onChange = (event, problem) => this.feed.problem(event, problem);
    const { certFile: cert, keyFile: key, caFile: ca } = config.database;
    if (cert && key && ca) this.#databaseTls = new TlsFollower({ cert, key, ca }, databaseTls);
    if (this.#databaseTls) this.followTls('db', this.#databaseTls);
    const follower = this.#databaseTls;
    const tls = follower ? { material: () => follower.material } : config.database;
    this.northbound = new Database<NorthboundRows>(
      { name: 'Northbound', database: 'OVN_Northbound', remotes: config.nb, tls, tables: northboundTables },
      this.problems,
      log,
    );
    this.southbound = new Database<SouthboundRows>(
      {
        name: 'Southbound',
        database: 'OVN_Southbound',
        remotes: config.sb,
        tls,
        tables: southboundTables,
        more: ipMulticastTables,
      },
      this.problems,
      log,
    );
    this.sessions = new Sessions(this, this.problems, log, version);
    this.compiler = new Compiler(this.problems, {
      dirty: (chassis, key) => this.#markDirty(chassis, key),
      bindingChanged: (name) => this.#claims.reconcile(name),
      chassisChanged: (name) => this.#chassisChanged(name),
      multicastChanged: (state, flush) => this.#multicast.configChanged(state, flush),
    });
    this.#writer = new SouthboundWriter(this.southbound.client, log);
    this.#claims = new Claims(this.compiler.southbound, this.sessions, this.#writer, this.problems);
    this.#learner = new MacLearner(this.compiler.southbound.macs, this.#writer);
    this.#multicast = new MulticastLearner(this.compiler.southbound, this.#writer);
    const learners = { macs: this.#learner, multicast: this.#multicast };
    this.#observer = new Observer(this.compiler, this.#claims, learners, this.#writer);
    const isQuiet = () => this.isServing && !this.#pump.busy && !this.#guard.holds;
    this.#audit = new ClaimAudit(this.compiler.southbound.ports, this.#claims, isQuiet, log);
    const rows = new SouthboundRegistry(this.southbound);
    this.#registrar = new Registrar(rows, this.#writer, this.problems, (name) =>
      this.sessions.get(name)?.kick(),
    );
    this.#guard = new ReloadGuard(
      {
        isWanted: (port) => this.compiler.northbound.port(port)?.gone === false,
        areRegistered: () => this.sessions.every(({ name }) => rows.chassis(name) !== undefined),
      },
      this.problems,
      log,
    );
    this.#guard.onOverdue = () => this.#workIn(this.#guard.check());
    this.#pump = new ChangePump(log, (sliced) => this.#idle(sliced));
    this.northbound.on('change', (changes) => {
      for (const { table, row } of changes) if (table === 'NB_Global') this.#setProbes(row);
      this.#pump.push(this.#northboundSteps(changes));
    });
    this.southbound.on('change', (changes, reload) => {
      this.#workIn(this.#guard.take(changes, reload));
      // Nobody else looks at rows that are held.
      if (this.#guard.holds) for (const { name } of this.sessions.all()) this.#registrar.reconcile(name);
    });
    this.leadership = new Leadership(this.southbound.client);
    this.leadership.on('acquired', () => this.#lead());
    this.leadership.on('acquired', () => this.feed.leadership(true));
    this.leadership.on('lost', () => this.feed.leadership(false));
    this.leadership.on('lost', () => this.#writer.setOpen(false));
    this.leadership.on('deposed', (reason) => {
      this.sessions.endAll(reason);
      this.#writer.drop();
    });
    for (const source of [this.northbound, this.southbound])
      source.on('state', () => {
        this.feed.database(source.name, source.synced);
        this.#databaseState();
      });
    for (const event of ['acquired', 'lost'] as const) this.leadership.on(event, () => this.emit('state'));
  }

  /** Leads, with both databases read and current. */
  get isServing(): boolean {
    return this.leadership.held && this.#loaded && this.northbound.synced && this.southbound.synced;
  }

  /** Observed MACs that were dropped because too many of one hypervisor waited. */
  get droppedMacs(): number {
    return this.#learner.dropped;
  }

  /** What is wrong with TLS files that changed is a problem; `prefix` of the options that name them. */
  followTls(prefix: 'tls' | 'db', follower: TlsFollower): void {
    this.#followers.push(follower.start());
    follower.on('changed', (_material, change) =>
      this.#log.info({ files: follower.paths, ...change }, 'other TLS files are in use now'),
    );
    follower.on('problem', (message) =>
      this.problems.replace(
        `${prefix}-files`,
        message === undefined ? [] : [{ where: 'iovisor-coordinator', name: `--${prefix}-*`, message }],
      ),
    );
  }

  /** Looks at all TLS files at once. */
  async reloadTls(): Promise<void> {
    await Promise.all(this.#followers.map((follower) => follower.reload()));
  }

  /** What came of what was to be written to Southbound. */
  get writes(): WriteCounts {
    return this.#writer.counts;
  }

  /** How it is, in one line for people. */
  get summary(): string {
    const databases = { Northbound: this.northbound.synced, Southbound: this.southbound.synced };
    const missing = Object.entries(databases).flatMap(([name, synced]) => (synced ? [] : name));
    if (missing.length > 0) return `waiting for ${missing.join(' and ')}`;
    if (!this.leadership.held) return 'standing by for the leader';
    if (!this.#loaded) return 'reading the databases';
    const connected = [...this.sessions.all()].length;
    return `leading ${connected} hypervisor${connected === 1 ? '' : 's'}`;
  }

  /** The work that has not gone on since this was asked last, though the event loop turns. */
  stuck(): string | undefined {
    const { busy, taken } = this.#pump;
    const since = this.#takenBefore;
    this.#takenBefore = busy ? taken : undefined;
    return busy && since === taken ? 'working in what changed in the databases' : undefined;
  }

  start(): void {
    this.northbound.start();
    this.southbound.start();
    this.#audit.start();
  }

  /** Stops cleanly: Southbound stays as it is, a standby takes over at once. */
  async stop(): Promise<void> {
    this.#audit.stop();
    this.feed.close('the coordinator is stopping');
    this.#writer.setOpen(false);
    this.sessions.endAll('the coordinator is stopping');
    await this.leadership.release();
    await Promise.all([this.northbound.close(), this.southbound.close()]);
  }

  // What sessions ask.

  ready(): Promise<void> {
    if (this.#loaded) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.off('loaded', done);
        resolve();
      };
      const timer = setTimeout(done, patienceMs).unref();
      this.on('loaded', done);
    });
  }

  refuses(): string | undefined {
    if (!this.leadership.held)
      return this.southbound.synced
        ? 'this coordinator is not the leader; try the next address'
        : 'this coordinator is not connected to the Southbound database; try the next address';
    if (!this.#loaded) return 'the databases are still being read; try again';
    return undefined;
  }

  resource(chassis: string, key: ResourceKey): CompiledResource | undefined {
    return this.compiler.resource(chassis, key);
  }

  wanted(chassis: string): Iterable<ResourceKey> {
    return this.compiler.wanted(chassis);
  }

  nbCfg(): bigint {
    return this.compiler.nbCfg;
  }

  isUnsettled(chassis: string): boolean {
    return this.#pump.busy || this.#registrar.isPending(chassis);
  }

  // What sessions tell.

  opened(session: AgentSession): void {
    this.feed.session('connected', session.name, session.peer);
    this.configChanged(session);
    this.#multicast.adopt(session.name);
    this.interfacesIgnored(session, session.ignoredInterfaces);
    this.#pump.push(this.#portSteps(session.name));
    this.emit('state');
  }

  closed(session: AgentSession): void {
    this.feed.session('disconnected', session.name, session.peer);
    this.#registrar.forget(session.name);
    this.#refusals.delete(session.name);
    this.problems.replace(`refused:${session.name}`, []);
    this.problems.replace(`interfaces:${session.name}`, []);
    this.#learner.forget(session.name);
    this.#multicast.forget(session.name);
    this.#pump.push(this.#portSteps(session.name, session));
    this.emit('state');
  }

  configChanged(session: AgentSession): void {
    try {
      this.#registrar.register({ config: session.config, abi: session.abi });
    } catch (error) {
      if (!(error instanceof EncapConflict)) throw error;
      session.end(status.FAILED_PRECONDITION, error.message);
    }
  }

  interfacesChanged(session: AgentSession, ifaceIds: readonly string[]): void {
    this.sessions.indexInterfaces(session, ifaceIds);
    for (const id of ifaceIds) this.#claims.reconcile(id);
  }

  interfacesIgnored({ name }: AgentSession, count: number): void {
    const problem = {
      where: `Open_vSwitch (${name})`,
      table: 'Interface',
      node: name,
      column: 'external_ids:iface-id',
      message: `${name} has more than ${limits.interfaces} interfaces with an iface-id, or with one that is too long: ${count} are not looked at`,
    };
    this.problems.replace(`interfaces:${name}`, count > 0 ? [problem] : []);
  }

  forwardingChanged(session: AgentSession, portUuids: readonly string[], complete: boolean): void {
    // Now it is known of all its ports, also of those that do not.
    if (complete) this.#pump.push(this.#portSteps(session.name));
    for (const uuid of portUuids) {
      const port = this.compiler.southbound.ports.get(uuid);
      if (port) this.#claims.reconcile(port.row.logical_port);
    }
  }

  acknowledged(session: AgentSession, nbCfg: bigint, since: number): void {
    this.feed.commit(session.name, session.revisions.acked, nbCfg, session.lastAckMs);
    // --wait=hv waits for the last one anyway: those of a moment are written together.
    const last = !this.sessions.owe(nbCfg);
    if (nbCfg > 0n) this.#registrar.acknowledge(session.name, { nbCfg, since }, last ? 0 : ackPatienceMs);
    if (last) this.#writer.hurry();
  }

  /** Whether the agent has said that it cannot do this. */
  hasRefused(chassis: string, key: ResourceKey): boolean {
    return this.#refusals.get(chassis)?.has(key) === true;
  }

  refused(session: AgentSession, refusals: readonly Refusal[]): void {
    const known = this.#refusals.get(session.name) ?? new Map<ResourceKey, Refusal>();
    this.#refusals.set(session.name, known);
    for (const refusal of refusals) {
      const key = refusal.resource && refKey(refusal.resource);
      if (key === undefined) continue;
      if (refusal.message !== '') known.set(key, refusal);
      // There is room for it now.
      else if (known.get(key)?.version === refusal.version) known.delete(key);
    }
    this.#reportRefusals(session.name);
  }

  committed(full: boolean): void {
    this.sessions.counters.commits[full ? 'full' : 'change']++;
  }

  intentDone(times: IntentTimes): void {
    this.latency.observe(times);
  }

  observed(session: AgentSession, observations: Observations): void {
    this.#observer.take(session.name, observations);
  }

  expired(chassis?: string): void {
    this.#pump.push(this.#expiredSteps(chassis));
  }

  goodbye(session: AgentSession, removeChassis: boolean): void {
    this.#log.info({ chassis: session.name, removeChassis }, 'agent says goodbye');
    session.end(status.OK, 'goodbye');
    if (removeChassis) this.#registrar.unregister(session.name);
  }

  // What the databases say.

  #lead(): void {
    this.#log.info('leading');
    this.sessions.beginGrace();
    this.#writer.setOpen(true);
  }

  #setProbes(row: NbGlobalRow | undefined): void {
    const interval = probeInterval(row?.options);
    for (const { client } of [this.northbound, this.southbound]) client.setProbeInterval(interval);
  }

  #workIn(changes: readonly SouthboundChange[]): void {
    if (changes.length > 0) this.#pump.push(this.#southboundSteps(changes));
  }

  *#northboundSteps(changes: readonly NorthboundChange[]): Generator<Step> {
    for (const change of changes) yield () => this.compiler.applyNorthbound(change);
  }

  *#southboundSteps(changes: readonly SouthboundChange[]): Generator<Step> {
    for (const change of changes)
      yield () => {
        this.compiler.applySouthbound(change);
        this.feed.southbound(change);
        if (change.table !== 'Chassis_Private') return;
        const { row, old } = change;
        // Most say only how far the chassis is, and we wrote it.
        if (row && old && row.name === old.name && row.chassis === old.chassis) return;
        const name = (row ?? old)?.name;
        if (name) this.#registrar.reconcile(name);
      };
  }

  /** What only the chassis could have, and whoever is to have it now. */
  *#expiredSteps(chassis?: string): Generator<Step> {
    const { southbound } = this.compiler;
    const names = chassis === undefined ? [...southbound.chassis.keys()] : [chassis];
    for (const name of names) {
      const row = this.sessions.isConnected(name) ? undefined : southbound.chassis.get(name)?.row;
      for (const port of row ? [...southbound.portsOf(row._uuid)] : [])
        yield () => this.#claims.reconcile(port.row.logical_port);
    }
    for (const port of chassis === undefined ? [...southbound.haPorts] : [])
      yield () => this.#claims.reconcile(port.row.logical_port);
  }

  #idle(sliced: boolean): void {
    const nbCfg = this.compiler.nbCfg;
    if (nbCfg !== this.#nbCfg) this.sessions.kickAll();
    else if (sliced) this.sessions.kickHeldBack();
    this.#nbCfg = nbCfg;
    this.#checkLoaded();
    if (this.#guard.holds) this.#workIn(this.#guard.check());
  }

  #databaseState(): void {
    this.#checkLoaded();
    this.emit('state');
  }

  #checkLoaded(): void {
    if (this.#loaded || this.#pump.busy || !this.northbound.synced || !this.southbound.synced) return;
    if (this.#isSouthboundEmpty()) return;
    this.#loaded = true;
    this.#log.info({ switches: this.northbound.replica.table('Logical_Switch').size }, 'databases read');
    this.emit('loaded');
    this.emit('state');
  }

  /** It was wiped, and ovn-northd has not made anything of Northbound yet: nothing that agents hold is to be taken for superfluous. */
  #isSouthboundEmpty(): boolean {
    const isEmpty =
      this.southbound.replica.table('Datapath_Binding').size === 0 &&
      this.northbound.replica.table('Logical_Switch').size > 0;
    const message =
      'Southbound is empty, and Northbound is not: ovn-northd is waited for; hypervisors keep forwarding as they are';
    this.problems.replace('southbound-empty', isEmpty ? [{ where: 'Southbound', message }] : []);
    return isEmpty;
  }

  #markDirty(chassis: string, key: ResourceKey): void {
    const session = this.sessions.get(chassis);
    if (!session) return;
    session.mark(key, this.#pump.since);
    session.kick();
    // What was refused may be right now; if it is not the agent says so again.
    if (this.#refusals.get(chassis)?.delete(key)) this.#reportRefusals(chassis);
  }

  #chassisChanged(name: string): void {
    this.#registrar.reconcileHostnames(name);
    if (!this.sessions.isConnected(name)) {
      for (const port of [...this.compiler.southbound.gatewaysOf(name)])
        this.#claims.reconcile(port.row.logical_port);
      return;
    }
    this.#registrar.reconcile(name);
    this.#pump.push(this.#portSteps(name));
  }

  /** Looks at the ports plugged on the chassis, at those bound to it, and at those it may have to serve. */
  *#portSteps(name: string, session = this.sessions.get(name)): Generator<Step> {
    for (const id of [...(session?.interfaces.keys() ?? [])]) yield () => this.#claims.reconcile(id);
    const { southbound } = this.compiler;
    const row = southbound.chassis.get(name)?.row;
    const ports = new Set([...(row ? southbound.portsOf(row._uuid) : []), ...southbound.gatewaysOf(name)]);
    for (const { row } of ports)
      if (!session?.interfaces.has(row.logical_port)) yield () => this.#claims.reconcile(row.logical_port);
  }

  #reportRefusals(chassis: string): void {
    const refusals = [...(this.#refusals.get(chassis)?.values() ?? [])];
    this.problems.replace(
      `refused:${chassis}`,
      refusals.map((refusal) => ({
        where: `datapath (${chassis})`,
        uuid: refusal.resource?.id,
        name: this.compiler.southbound.ports.get(refusal.resource?.id ?? '')?.row.logical_port,
        node: chassis,
        message: `the agent cannot apply ${refusalName(refusal)}: ${refusal.message}`,
      })),
    );
  }
}
