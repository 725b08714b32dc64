import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import {
  channelCredentials,
  followTls,
  httpsOptions,
  removeStaleSocket,
  TlsFollower,
} from '@iovisor-ovn/endpoint';
import { type ListenAddress, serveMetrics } from '@iovisor-ovn/exposition';
import { ABI_VERSION } from '@iovisor-ovn/iomodules';
import type { Commit, Hello, LocalInterface, Problem } from '@iovisor-ovn/proto';
import type { Logger } from 'pino';
import { type Config, exposedText, HOVER_TLS, isExposed } from './config/index.js';
import { Datapath, type ForwardingDelta, versionsIn } from './datapath/index.js';
import { type HealthName, HealthServer } from './health/index.js';
import { builtinRegistry } from './hover/builtins/index.js';
import { Hover } from './hover/hover.js';
import { LocalAnswers } from './localAnswers.js';
import { AgentMetrics, type MetricsSource } from './metrics/index.js';
import { type Link, Netlink } from './netlink/index.js';
import {
  datapathProblems,
  makeReport,
  ProblemClock,
  type ReportSources,
  selfReport,
} from './report/index.js';
import { type Address, formatAddress, isLocal, parseAddresses, Session } from './session/index.js';
import {
  isMade,
  type PluggedDelta,
  type PluggedInterface,
  readSystemIdOverride,
  Taps,
} from './taps/index.js';
import { VERSION } from './version.js';

const PROTOCOL = 1;

/** Longer than a pass over the whole data plane takes on a busy machine with many thousand ports. */
const STUCK_MS = 60_000;

/** What the parts of an agent say of themselves, as its health service does. */
export interface AgentHealth {
  ovsdb: boolean;
  datapath: boolean;
  coordinator: boolean;
  /** Why the data plane is not serving: it has damage that could not be repaired. */
  damaged: boolean;
}

/** In one line, for people. */
export function healthText({ ovsdb, datapath, coordinator, damaged }: AgentHealth): string {
  const missing = [
    ovsdb ? [] : 'no local database',
    coordinator ? [] : 'no coordinator',
    damaged ? 'the data plane is damaged: see iovctl problems' : [],
    datapath || damaged ? [] : 'the data plane is as an earlier agent left it',
  ].flat();
  return missing.length === 0
    ? 'forwarding, connected'
    : `forwarding what was configured: ${missing.join(', ')}`;
}

/** The rooms of the agent, connected: taps and links below, the coordinator above, the data plane between. */
export class Agent {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #netlink: Netlink;
  readonly #datapath: Datapath;
  readonly #taps: Taps;
  readonly #session: Session;
  readonly #health: HealthServer | undefined;
  readonly #healthChanged: (health: AgentHealth) => void;
  readonly #hover: Hover | undefined;
  /** Why the Hover API is not served. */
  #hoverProblem = '';
  readonly #instance = randomUUID();
  readonly #clock = new ProblemClock();
  readonly #metrics: AgentMetrics;
  #metricsServer: Server | undefined;
  /** Why the coordinator address of the local database cannot be used. */
  #addressProblem = '';
  /** Of the agent itself, and of its Hover API; they follow their files. */
  readonly #tls: TlsFollower | undefined;
  readonly #hoverTls: TlsFollower | undefined;
  #name: string | undefined;
  readonly #interfaces = new Map<string, LocalInterface>();
  /** What the local database is to hear after the coordinator. */
  readonly #answers: LocalAnswers;
  #coordinator: string | undefined;

  private constructor(
    config: Config,
    log: Logger,
    netlink: Netlink,
    datapath: Datapath,
    health: HealthServer | undefined,
    healthChanged: (health: AgentHealth) => void,
    tls: TlsFollower | undefined,
  ) {
    this.#config = config;
    this.#log = log;
    this.#tls = tls;
    const clientCa = config.hover && !isLocal(config.hover) ? config.hoverClientCa : undefined;
    if (config.tls && clientCa) this.#hoverTls = new TlsFollower({ ...config.tls, ca: clientCa }, HOVER_TLS);
    this.#netlink = netlink;
    this.#datapath = datapath;
    this.#metrics = new AgentMetrics(config.metricsPorts);
    this.#taps = new Taps({
      remote: config.ovsdb,
      tls: tls && { material: () => tls.material },
      netlink,
      log: log.child({ room: 'taps' }),
      // Once, as ovn-controller does.
      systemIdOverride: readSystemIdOverride(),
    });
    this.#answers = new LocalAnswers(this.#taps, () => datapath.forwardingNames);
    this.#health = health;
    this.#healthChanged = healthChanged;
    this.#hover = this.#makeHover();
    this.#session = new Session({
      addresses: () => this.#addresses(),
      credentials: () =>
        tls === undefined
          ? credentials.createInsecure()
          : channelCredentials(tls.material, config.tlsServerName),
      hello: () => this.#hello(),
      chassisConfig: () => this.#taps.chassisConfig,
      interfaces: () => this.#interfaces,
      forwarding: () => datapath.forwarding,
      isLocalPort: (id) => datapath.compiler.resources.ports.get(id)?.local === true,
      apply: (change, since) => this.#metrics.timed(datapath.apply(change), since),
      committed: (commit, since) => this.#committed(commit, since),
      report: (query) => makeReport(query, datapath, this.#reportSources),
      log: log.child({ room: 'session' }),
    });
  }

  /** @throws Error when the kernel or an address is not to be had */
  static async start(
    config: Config,
    log: Logger,
    healthChanged: (health: AgentHealth) => void = () => undefined,
  ): Promise<Agent> {
    // First of all: an address in use tells of another agent, whose data plane must not be taken away from it.
    const tls = config.tls && new TlsFollower(config.tls);
    const health = config.health === undefined ? undefined : new HealthServer(config.health, tls);
    await health?.listen();
    const netlink = Netlink.open(log.child({ room: 'netlink' }));
    await netlink.start();
    const { bpffs, hook } = config;
    await removeUserModules(bpffs, netlink);
    const datapath = await Datapath.open({
      bpffs,
      hook,
      netlink,
      announce: true,
      log: log.child({ room: 'datapath' }),
    });
    const agent = new Agent(config, log, netlink, datapath, health, healthChanged, tls);
    await agent.#serveMetrics();
    agent.#start();
    return agent;
  }

  #start(): void {
    const hook = this.#datapath.attachments.hook;
    this.#log.info({ hook, bpffs: this.#config.bpffs }, 'the data plane is loaded');
    this.#taps
      .on('devices', (delta) => {
        this.#datapath.changeDevices(delta);
        this.#hover?.graph.reservationsChanged();
      })
      .on('networks', () => {
        this.#datapath.setNetworks(this.#taps.networks);
        this.#hover?.graph.reservationsChanged();
      })
      .on('plugged', (delta) => this.#onPlugged(delta))
      .on('config', () => this.#onConfig())
      .on('connected', () => this.#onConnected())
      .on('disconnected', () => this.#updateHealth());
    this.#datapath.attachments.on('changed', () => this.#hover?.graph.reservationsChanged());
    this.#datapath.damages.on('changed', () => this.#updateHealth());
    this.#datapath
      .on('forwarding', (delta, applied) => this.#onForwarding(delta, applied))
      .on('healed', (resources) => this.#session.healed(resources))
      .on('wires', (wires) => this.#taps.setWires(wires))
      .on('wiresLeft', (names) => this.#taps.forgetLearned(names))
      .on('observed', (observation) => this.#session.observe(observation));
    this.#followTls();
    this.#session
      .on('live', () => this.#onLive())
      .on('ended', () => {
        this.#metrics.sessionEnded();
        this.#updateHealth();
      });
    // It resolves when the database was there for the first time, which may take any time: 'connected' says so, too.
    this.#taps.start().catch((error) => this.#log.error({ error: String(error) }, 'the local database'));
    this.#session.start();
    this.#hover?.listen().then(
      () => this.#log.info({ address: formatAddress(this.#config.hover!) }, 'the Hover API is served'),
      (error: Error) => {
        this.#hoverProblem = error.message;
        this.#log.error({ error: error.message }, 'the Hover API is not served: see --hover');
      },
    );
    this.#updateHealth();
  }

  #makeHover(): Hover | undefined {
    const { hover, hoverAllowOvnPorts, bpffs } = this.#config;
    if (hover === undefined) return undefined;
    const netlink = this.#netlink;
    const { damages } = this.#datapath;
    const log = this.#log.child({ room: 'hover' });
    return new Hover({
      address: hover,
      tls: this.#hoverTls,
      // Who loads no module pays nothing for it.
      engine: async () =>
        (await import('./hover/engine/index.js')).openHoverEngine({ bpffs, netlink, damages, log }),
      devices: netlink,
      reserved: (device) => (hoverAllowOvnPorts ? undefined : this.#ownerOf(device)),
      builtins: builtinRegistry(log),
      log,
    });
  }

  #followTls(): void {
    this.#tls
      ?.start()
      .on('changed', (_material, change) => this.#log.info({ ...change }, 'other TLS files are in use now'))
      .on('problem', (problem) => this.#sayTlsProblem(problem));
    this.#hoverTls?.start().on('problem', (problem) => {
      // Of certificate and key the other one says it.
      if (problem === undefined || problem !== this.#tls?.problem) this.#sayTlsProblem(problem);
    });
    // The coordinator has to prove itself to the authorities that count now.
    this.#tls?.on('changed', (_material, { ca }) => {
      if (ca) this.#session.restart('the authorities of --tls-ca changed');
    });
  }

  #sayTlsProblem(problem: string | undefined): void {
    if (problem === undefined) this.#log.info('the TLS files can be used again');
    else this.#log.error({ problem }, 'TLS files cannot be used');
  }

  /** Looks at all TLS files at once. */
  async reloadTls(): Promise<void> {
    await this.#tls?.reload();
    await this.#hoverTls?.reload();
  }

  /** Why user modules keep away from a device; undefined: it is nobody's. */
  #ownerOf({ ifindex, master, ...device }: Link): string | undefined {
    const { attachments } = this.#datapath;
    const bridge = master === undefined ? undefined : this.#netlink.links.get(master);
    const own =
      this.#taps.devices.has(ifindex) ||
      [...this.#taps.networks.values()].includes(ifindex) ||
      attachments.isAttached('entry', ifindex) ||
      attachments.isAttached('uplink', ifindex) ||
      isMade({ ifindex, ...device }) ||
      (bridge !== undefined && isMade(bridge));
    return own ? 'belongs to OVN (--hover-allow-ovn-ports lets modules have it)' : undefined;
  }

  /** Ends the session cleanly; the data plane goes on. */
  async stop(): Promise<void> {
    this.#health?.close();
    await this.#hover?.close();
    this.#tls?.stop();
    this.#hoverTls?.stop();
    this.#metricsServer?.close();
    this.#metrics.close();
    await this.#session.stop(this.#taps.cleanupOnExit);
    this.#answers.flush();
    await this.#taps.stop();
    await this.#datapath.close();
    this.#netlink.close();
  }

  /** The work of the agent that does not go on, though the event loop turns. */
  get stuck(): string | undefined {
    const { busySince } = this.#datapath;
    if (busySince === undefined || performance.now() - busySince < STUCK_MS) return undefined;
    return 'bringing the data plane up to date';
  }

  /** Everything somebody should look at. */
  problems(): Problem[] {
    const node = this.#name ?? '';
    const own = datapathProblems(this.#datapath, node);
    if (this.#addressProblem !== '') {
      const place = { where: `Open_vSwitch (${node})`, table: 'Open_vSwitch', uuid: '', name: '.', node };
      own.push({ ...place, column: 'external_ids:iovisor-coordinator', message: this.#addressProblem });
    }
    const place = { where: `iovisor-agent (${node})`, table: '', uuid: '', node, column: '' };
    if (this.#hoverProblem !== '')
      own.push({ ...place, name: '--hover', message: `the Hover API is not served: ${this.#hoverProblem}` });
    const modules = this.#hover?.graph.problem;
    if (modules !== undefined) own.push({ ...place, name: '--hover', message: modules });
    for (const message of new Set([this.#tls?.problem, this.#hoverTls?.problem]))
      if (message !== undefined) own.push({ ...place, name: '--tls-*', message });
    return [...this.#taps.problems, ...this.#clock.stamp(own)];
  }

  async #serveMetrics(): Promise<void> {
    const { metrics, plainMetrics } = this.#config;
    if (metrics === undefined) return;
    try {
      if (metrics.kind === 'unix' && !(await removeStaleSocket(metrics.path)))
        throw new Error('in use by another process, or no socket');
      const tls = plainMetrics || isLocal(metrics) ? undefined : this.#tls;
      this.#metricsServer = await serveMetrics(
        listenAddress(metrics),
        () => this.#metrics.families(this.#metricsSource),
        tls && { tls: httpsOptions(tls) },
      );
      if (tls) followTls(this.#metricsServer as TlsServer, tls);
    } catch (error) {
      throw new Error(`--metrics: ${formatAddress(metrics)}: ${(error as Error).message}`);
    }
  }

  get #reportSources(): ReportSources {
    const self = () =>
      selfReport(this.#datapath, {
        bpffs: this.#config.bpffs,
        logLevel: this.#log.level,
        health: this.#healthStates,
      });
    return { problems: () => this.problems(), self, log: this.#log };
  }

  get #metricsSource(): MetricsSource {
    return {
      datapath: this.#datapath,
      ovsdbConnected: this.#taps.connected,
      sessionLive: this.#session.live,
      problems: () => this.problems(),
      hover: this.#hover?.graph,
      version: VERSION,
      certificateFiles: this.#config.certificateFiles,
    };
  }

  #onConnected(): void {
    this.#metrics.ovsdbConnected();
    this.#onConfig();
    // What an earlier agent attached and is not plugged any more comes in no event.
    this.#datapath.setNetworks(this.#taps.networks);
    this.#datapath.setDevices(new Set(this.#taps.devices.keys()));
    this.#updateHealth();
  }

  #onLive(): void {
    this.#metrics.sessionBegun();
    this.#updateHealth();
    this.#datapath
      .observeAnew()
      .catch((error) => this.#log.warn({ error: String(error) }, 'what was learned is told late'));
  }

  #onPlugged({ upserts, removals }: PluggedDelta): void {
    for (const ifaceId of removals) this.#interfaces.delete(ifaceId);
    for (const plugged of upserts) this.#interfaces.set(plugged.ifaceId, localInterface(plugged));
    const upserted = upserts.map((plugged) => [plugged.ifaceId, plugged] as const);
    this.#datapath.changePlugged({ upserts: upserted, removals });
    this.#session.touchInterfaces([...removals, ...upserted.map(([ifaceId]) => ifaceId)]);
    this.#session.poke();
  }

  #onConfig(): void {
    const { chassisConfig, coordinator, outerSettings } = this.#taps;
    if (chassisConfig !== undefined) this.#datapath.setLocalEncaps(chassisConfig.encaps, outerSettings);
    const renamed = this.#name !== undefined && this.#name !== chassisConfig?.name;
    const moved = this.#config.coordinator === undefined && this.#coordinator !== coordinator;
    this.#name = chassisConfig?.name;
    this.#coordinator = coordinator;
    if (renamed) this.#session.restart('external_ids:system-id changed');
    else if (moved) this.#session.restart('external_ids:iovisor-coordinator changed');
    else this.#session.poke();
  }

  #onForwarding(delta: ForwardingDelta, applied: boolean): void {
    this.#session.touchForwarding(delta.ids);
    // What was applied is acknowledged in a moment.
    if (!applied) this.#session.poke();
    this.#answers.forwarding(delta);
  }

  #committed(commit: Commit, since: number): void {
    this.#metrics.committed(commit);
    this.#answers.committed({ number: commit.nbCfg, since }, this.#datapath.synced);
    this.#updateHealth();
  }

  #addresses(): readonly Address[] {
    return this.#config.coordinator ?? this.#localAddresses();
  }

  #localAddresses(): readonly Address[] {
    const text = this.#taps.coordinator;
    this.#addressProblem = '';
    if (text === undefined || text === '') return [];
    try {
      const addresses = parseAddresses(text);
      const exposed = addresses.find((address) => isExposed(address, this.#config));
      if (exposed !== undefined) throw new Error(exposedText(exposed, 'insecure-plaintext'));
      return addresses;
    } catch (error) {
      this.#complain((error as Error).message);
      return [];
    }
  }

  #complain(problem: string): void {
    if (problem !== this.#addressProblem)
      this.#log.error({ problem }, 'external_ids:iovisor-coordinator cannot be used');
    this.#addressProblem = problem;
  }

  #hello(): Omit<Hello, 'interfaces' | 'attempt'> | undefined {
    const chassis = this.#taps.chassisConfig;
    if (chassis === undefined) return undefined;
    return {
      protocol: PROTOCOL,
      chassis,
      instance: this.#instance,
      softwareVersion: VERSION,
      abi: ABI_VERSION,
      held: this.#datapath.held,
    };
  }

  #updateHealth(): void {
    const states = this.#healthStates;
    for (const [name, serving] of Object.entries(states)) this.#health?.set(name as HealthName, serving);
    this.#healthChanged({ ...states, damaged: !this.#datapath.damages.none });
  }

  get #healthStates(): Record<HealthName, boolean> {
    const ovsdb = this.#taps.connected;
    const datapath = this.#datapath.synced && this.#datapath.damages.none;
    const coordinator = this.#session.live;
    return { '': ovsdb && datapath && coordinator, ovsdb, datapath, coordinator };
  }
}

/** User modules live as long as the agent; one that was killed has left them in the kernel, and nobody could see or remove them. */
async function removeUserModules(bpffs: string, netlink: Netlink): Promise<void> {
  // Of other versions of the ABI, too: an upgrade.
  const left = versionsIn(bpffs).some((abi) => existsSync(join(bpffs, `v${abi}`, 'hover')));
  if (!left) return;
  const { cleanUpHover } = await import('./hover/engine/leftovers.js');
  cleanUpHover(bpffs, { links: [...netlink.links.values()], writer: netlink.writer });
}

function listenAddress(address: Address): ListenAddress {
  return address.kind === 'unix' ? { path: address.path } : address;
}

function localInterface(plugged: PluggedInterface): LocalInterface {
  return {
    ifaceId: plugged.ifaceId,
    tap: plugged.name,
    ifindex: plugged.ifindex,
    ifaceIdVer: plugged.ifaceIdVer ?? '',
    encapIp: plugged.encapIp ?? '',
    macInUse: plugged.mac ?? '',
  };
}
