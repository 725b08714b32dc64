import { EventEmitter } from 'node:events';
import { Client, type ClientOptions, type Lock, Replica } from '@iovisor-ovn/ovsdb-client';
import type { ChassisConfig, Problem } from '@iovisor-ovn/proto';
import type { LinkEvent, Log, Netlink } from '../netlink/index.js';
import type { Complaint } from './complaint.js';
import { DatabaseWriter } from './databaseWriter.js';
import type { NbCfg } from './integrationBridge.js';
import { LocalModel } from './localModel.js';
import { LOCAL_TABLES, type LocalTables } from './localTables.js';
import { PendingWrites } from './pendingWrites.js';
import type { WantedWire } from './physicalNetworks.js';
import type { DevicesDelta, PluggedDelta } from './pluggedDelta.js';
import type { PluggedInterface } from './pluggedInterface.js';
import { ProblemBook } from './problemBook.js';
import { ReplicaComplaints } from './replicaComplaints.js';
import { StatisticsWriter } from './statisticsWriter.js';

export interface TapsOptions {
  /** OVSDB remotes in OVN's syntax: `unix:/var/run/openvswitch/db.sock`. */
  readonly remote: string;
  /** Files for `ssl:` remotes. */
  readonly tls?: ClientOptions['tls'];
  readonly netlink: Netlink;
  readonly log: Log;
  /** Integration bridge; default: external_ids:ovn-bridge, else br-int. */
  readonly bridge?: string;
  /** Chassis name that wins over external_ids:system-id. */
  readonly systemIdOverride?: string;
}

export interface TapsEvents {
  /** `plugged` changed, by this much since the last event. */
  plugged: [PluggedDelta];
  /** `devices` changed, by this much since the last event. */
  devices: [DevicesDelta];
  /** `networks` changed. */
  networks: [];
  /** `chassisConfig`, `coordinator`, `outerSettings` or `cleanupOnExit` changed. */
  config: [];
  /** `problems` changed. */
  problems: [];
  /** The database is there and everything of it is known. */
  connected: [];
  /** The database is away; everything stays as it was last, except devices that vanish. */
  disconnected: [];
}

/** The lock that ovs-vswitchd takes: who holds it answers ovs-vsctl(8). */
const LOCK = 'ovs_vswitchd';
const LOCK_PATIENCE_MS = 1000;
const BACKOFF = { minMs: 200, maxMs: 2000 };
const LEAST_STATISTICS_MS = 5000;

/** How much was done since the start, for tests and for those who wonder. */
export interface TapsWork {
  /** How many times an Interface row was looked at, with its device. */
  readonly looks: number;
  /** How many times an Interface row was compared with what it should be. */
  readonly comparisons: number;
}

/**
 * The local Open_vSwitch database: which device is which logical port, and everything ovs-vswitchd and ovn-controller would
 * answer there, so that ovs-vsctl(8), libvirt, Nova and CNI plugins notice no difference. Nothing is written unless this
 * process holds ovs-vswitchd's lock.
 */
export class Taps extends EventEmitter<TapsEvents> {
  readonly #netlink: Netlink;
  readonly #remote: string;
  readonly #client: Client;
  readonly #lock: Lock;
  readonly #replica: Replica<LocalTables>;
  readonly #model: LocalModel;
  readonly #writes: PendingWrites;
  readonly #writer: DatabaseWriter;
  readonly #statistics: StatisticsWriter;
  readonly #replicaComplaints = new ReplicaComplaints();
  readonly #problems = new ProblemBook();
  readonly #onLink = (event: LinkEvent) => {
    this.#model.markLink(event);
    if (this.#model.pending) this.#schedule();
  };
  #unreachable: string | undefined;
  #lockedOut: NodeJS.Timeout | boolean = false;
  #scheduled = false;
  /** Nothing waits to be looked at. */
  #upToDate = false;
  #configChanged = false;
  #networks: ReadonlyMap<string, number>;
  #loaded = false;
  #connected = false;
  #stopped = false;
  #resolveStarted!: () => void;
  readonly #started = new Promise<void>((resolve) => {
    this.#resolveStarted = resolve;
  });

  /** Throws RemoteSyntaxError when `remote` cannot be understood. */
  constructor({ remote, tls, netlink, log, bridge, systemIdOverride }: TapsOptions) {
    super();
    this.#netlink = netlink;
    this.#remote = remote;
    this.#client = new Client({ remotes: remote, database: 'Open_vSwitch', tls, backoff: BACKOFF, log });
    this.#lock = this.#client.lock(LOCK);
    this.#replica = new Replica<LocalTables>(this.#client, { tables: LOCAL_TABLES });
    const report = this.#problems.set.bind(this.#problems);
    this.#model = new LocalModel(this.#replica, netlink, log, report, bridge, systemIdOverride);
    this.#networks = this.#model.networks;
    this.#writes = new PendingWrites(this.#model, this.#replica);
    this.#writer = new DatabaseWriter({
      client: this.#client,
      log,
      lock: LOCK,
      steps: [
        (transaction) => this.#writes.writeNewBridge(transaction),
        (transaction) => {
          if (this.#writes.write(transaction, this.#upToDate)) this.#writer.request();
        },
      ],
      onFailure: () => this.#writes.everything(),
    });
    this.#statistics = new StatisticsWriter({
      client: this.#client,
      netlink,
      log,
      lock: LOCK,
      devices: () => this.#deviceRows(),
      intervalMs: () => this.#statisticsInterval(),
      beforeEach: () => {
        this.#model.markMoved();
        if (this.#model.pending) this.#schedule();
      },
    });
  }

  /**
   * Begins, and resolves when the database was read for the first time or when `stop` is called. The database may come later:
   * it is tried until then.
   */
  start(): Promise<void> {
    this.#netlink.on('link', this.#onLink);
    this.#replica.on('problem', (problem) => {
      this.#replicaComplaints.add(problem);
      this.#reportReplica();
    });
    this.#replica.on('change', (batch, meta) => {
      this.#loaded = true;
      this.#replicaComplaints.onChange(batch, meta);
      this.#reportReplica();
      this.#model.mark(batch);
      this.#writes.mark(batch);
      // Most of what comes is what this process wrote.
      if (this.#model.pending || this.#writes.any) this.#schedule();
    });
    this.#replica.on('synced', () => this.#synced());
    this.#client.on('disconnected', (reason) => this.#away(reason));
    this.#client.on('failed', (_remote, reason) => this.#away(reason));
    this.#lock.on('acquired', () => this.#enableWrites());
    this.#lock.on('lost', () => {
      this.#setLockedOut(true);
      this.#enableWrites();
    });
    this.#client.start();
    this.#replica.start();
    return this.#started;
  }

  /** Ends the connection. What is in the database stays: the data plane goes on. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#netlink.off('link', this.#onLink);
    this.#writer.enable(false);
    this.#statistics.stop();
    this.#setLockedOut(false);
    this.#replica.stop();
    await this.#client.close();
    this.#resolveStarted();
  }

  get connected(): boolean {
    return this.#connected;
  }
  /** What ovn-controller would publish of this chassis; undefined while system-id or a usable encapsulation is missing. */
  get chassisConfig(): ChassisConfig | undefined {
    return this.#model.settings.config;
  }
  /** external_ids:iovisor-coordinator: addresses, comma-separated. */
  get coordinator(): string | undefined {
    return this.#model.settings.coordinator;
  }
  /** external_ids:ovn-cleanup-on-exit is true. */
  get cleanupOnExit(): boolean {
    return this.#model.settings.cleanupOnExit;
  }
  /** What the Open_vSwitch row says about the outer headers of tunnels. */
  get outerSettings(): { tos: number | 'inherit'; setLocalIp: boolean; df: boolean } {
    const { encapTos, setLocalIp, encapDf } = this.#model.settings;
    return { tos: encapTos, setLocalIp, df: encapDf };
  }
  /** Interfaces of the integration bridge whose device exists, by iface-id. */
  get plugged(): ReadonlyMap<string, PluggedInterface> {
    return this.#model.plugs.plugged;
  }
  /** Every device plugged into the integration bridge, name by ifindex, with or without iface-id. */
  get devices(): ReadonlyMap<number, string> {
    return this.#model.plugs.devices;
  }
  /**
   * Physical networks of ovn-bridge-mappings that are connected: network name → ifindex of the data plane's end. What comes from
   * the network arrives there (ingress); what is sent out of it (egress) goes to the network. Not among `devices`. Further wires
   * into them are here by their own names; before `setWires` those that an earlier agent has left.
   */
  get networks(): ReadonlyMap<string, number> {
    return this.#networks;
  }
  get work(): TapsWork {
    return { looks: this.#model.looks, comparisons: this.#writes.comparisons };
  }
  /** What is wrong in the local database or with a device that it names. */
  get problems(): readonly Problem[] {
    return this.#problems.problems;
  }

  /**
   * Says which logical ports forward now: external_ids:ovn-installed is set on exactly these, as far as they are plugged, until
   * something else is said. Before the first word what the last process left stays. A port whose device is another one loses the
   * mark; it gets it again at once in a transaction of its own, unless `removeInstalled` was called meanwhile.
   */
  setInstalled(ifaceIds: ReadonlySet<string>): void {
    this.#writes.setInstalled(ifaceIds);
    this.#requestWrites();
  }

  /** Says that these logical ports forward, too. Of others nothing is said: before `setInstalled` what is there stays. */
  addInstalled(ifaceIds: Iterable<string>): void {
    this.#writes.addInstalled(ifaceIds);
    this.#requestWrites();
  }

  /** Says that these logical ports do not forward, or not any more. */
  removeInstalled(ifaceIds: Iterable<string>): void {
    this.#writes.removeInstalled(ifaceIds);
    this.#requestWrites();
  }

  /**
   * Says which wires into physical networks are wanted beside one for each, by name: they are made, others removed, and
   * `networks` is told before this returns, unless the database is away or devices are just being removed.
   */
  setWires(wires: ReadonlyMap<string, WantedWire>): void {
    this.#model.setWires(wires);
    if (this.#connected && this.#netlink.writer.removed === undefined) {
      this.#model.connectWires(this.#writer.enabled);
      this.#announceNetworks();
    }
    this.#schedule();
  }

  /** The bridges of physical networks shall forget which machines they saw at these wires. */
  forgetLearned(wires: Iterable<string>): void {
    this.#model.forgetLearned(wires);
  }

  /** Says which SB_Global.nb_cfg is in effect, for external_ids:ovn-nb-cfg of the integration bridge. */
  setNbCfg(nbCfg: NbCfg): void {
    this.#writes.setNbCfg(nbCfg);
    this.#requestWrites();
  }

  #requestWrites(): void {
    if (this.#writes.any) this.#writer.request();
  }

  #synced(): void {
    this.#unreachable = undefined;
    this.#enableWrites();
    const patience = setTimeout(() => {
      this.#setLockedOut(true);
      this.#schedule();
    }, LOCK_PATIENCE_MS);
    this.#setLockedOut(this.#lock.held ? false : patience);
    if (this.#lock.held) clearTimeout(patience);
    this.#schedule();
  }

  #away(reason: Error): void {
    if (this.#stopped) return;
    this.#unreachable = reason.message;
    this.#setLockedOut(false);
    this.#enableWrites();
    if (this.#connected) {
      this.#connected = false;
      this.emit('disconnected');
    }
    this.#schedule();
  }

  #enableWrites(): void {
    const enabled = this.#replica.synced && this.#lock.held && !this.#stopped;
    if (enabled === this.#writer.enabled) return;
    this.#writer.enable(enabled);
    if (enabled) {
      this.#setLockedOut(false);
      this.#statistics.start();
      // Devices may be configured now, and the database may have lost what is not kept on disk.
      this.#model.markAll();
      this.#writes.everything();
    } else this.#statistics.stop();
    this.#schedule();
  }

  #setLockedOut(state: NodeJS.Timeout | boolean): void {
    if (typeof this.#lockedOut === 'object') clearTimeout(this.#lockedOut);
    this.#lockedOut = state;
  }

  /** What comes in one turn of the event loop is looked at together. */
  #schedule(): void {
    this.#upToDate = false;
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#stopped) this.#evaluate();
    });
  }

  #evaluate(): void {
    const { removed } = this.#netlink.writer;
    if (removed !== undefined) {
      // The names of devices that are being removed are not free yet, and ovs-vsctl(8) waits until they are.
      void removed.then(() => this.#schedule());
      return;
    }
    if (this.#loaded) {
      const { system, config, concerned, reborn, more } = this.#model.evaluate(this.#writer.enabled);
      this.#writes.looked(concerned, reborn);
      if (system) this.#writes.systemRead();
      this.#configChanged ||= config;
      if (more || this.#netlink.writer.removed !== undefined) {
        this.#schedule();
        return;
      }
      this.#upToDate = true;
      this.#requestWrites();
      this.#announce();
    }
    this.#problems.set('database', [...this.#complaints()]);
    this.#problems.setNode(this.#model.system.systemId ?? '');
    if (this.#problems.takeChanged()) this.emit('problems');
    if (!this.#replica.synced || this.#connected) return;
    this.#connected = true;
    this.emit('connected');
    this.#resolveStarted();
  }

  /** Only when all is looked at: who listens sees no half of a change. */
  #announce(): void {
    const config = this.#configChanged;
    this.#configChanged = false;
    const { plugs } = this.#model;
    const devices = plugs.takeDevicesDelta();
    const plugged = plugs.takePluggedDelta();
    if (config) this.emit('config');
    this.#announceNetworks();
    if (devices !== undefined) this.emit('devices', devices);
    if (plugged !== undefined) this.emit('plugged', plugged);
  }

  #announceNetworks(): void {
    if (this.#networks === this.#model.networks) return;
    this.#networks = this.#model.networks;
    this.emit('networks');
  }

  #reportReplica(): void {
    this.#problems.set('replica', this.#replicaComplaints.complaints());
    if (this.#problems.changed) this.#schedule();
  }

  *#complaints(): Iterable<Complaint> {
    const about = { table: '', uuid: '', name: '', column: '' };
    if (this.#unreachable !== undefined)
      yield { ...about, message: `the database at ${this.#remote} is away: ${this.#unreachable}` };
    if (this.#lockedOut === true)
      yield {
        ...about,
        message: `another process holds the lock ${LOCK}: stop ovs-vswitchd, or the other agent; nothing is written here until then`,
      };
  }

  *#deviceRows(): Iterable<readonly [uuid: string, ifindex: number]> {
    for (const { row, end } of this.#model.attachments.values())
      if (end !== undefined) yield [row._uuid, end.ifindex];
  }

  #statisticsInterval(): number {
    const wish = Number(this.#model.root?.other_config.get('stats-update-interval'));
    return Number.isFinite(wish) ? Math.max(wish, LEAST_STATISTICS_MS) : LEAST_STATISTICS_MS;
  }
}
