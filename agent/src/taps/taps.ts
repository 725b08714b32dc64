import { EventEmitter } from 'node:events';
import {
  byUuid,
  Client,
  type Lock,
  Replica,
  type TlsFiles,
  type Transaction,
} from '@iovisor-ovn/ovsdb-client';
import type { ChassisConfig, Problem } from '@iovisor-ovn/proto';
import type { LinkEvent, Log, Netlink } from '../netlink/index.js';
import type { Complaint } from './complaint.js';
import { DatabaseWriter } from './databaseWriter.js';
import { InstalledPorts } from './installedPorts.js';
import { correctBridge, createBridge, fillBridge } from './integrationBridge.js';
import { columnsToWrite } from './interfaceColumns.js';
import { DATAPATH_TYPES, IFACE_TYPES } from './interfaceKind.js';
import { localMac } from './localMac.js';
import { LocalModel } from './localModel.js';
import { LOCAL_TABLES, type LocalTables } from './localTables.js';
import type { PluggedInterface } from './pluggedInterface.js';
import { ProblemBook } from './problemBook.js';
import { ReplicaComplaints } from './replicaComplaints.js';
import { StatisticsWriter } from './statisticsWriter.js';

export interface TapsOptions {
  /** OVSDB remotes in OVN's syntax: `unix:/var/run/openvswitch/db.sock`. */
  readonly remote: string;
  /** Files for `ssl:` remotes. */
  readonly tls?: TlsFiles;
  readonly netlink: Netlink;
  readonly log: Log;
  /** Integration bridge; default: external_ids:ovn-bridge, else br-int. */
  readonly bridge?: string;
}

export interface TapsEvents {
  /** `plugged` changed. */
  plugged: [];
  /** `devices` changed. */
  devices: [];
  /** `chassisConfig`, `coordinator` or `cleanupOnExit` changed. */
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
/** Most Interface rows in one transaction. */
const ROWS_AT_ONCE = 256;
const LEAST_STATISTICS_MS = 5000;

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
  readonly #installed = new InstalledPorts();
  readonly #writer: DatabaseWriter;
  readonly #statistics: StatisticsWriter;
  readonly #replicaComplaints = new ReplicaComplaints();
  readonly #problems = new ProblemBook();
  readonly #unwritten = new Set<string>();
  readonly #startup = String(Date.now());
  readonly #onLink = (event: LinkEvent) => {
    this.#model.markLink(event);
    this.#schedule();
  };
  #nbCfg: bigint | undefined;
  #unreachable: string | undefined;
  #lockedOut: NodeJS.Timeout | boolean = false;
  #scheduled = false;
  /** Nothing waits to be looked at. */
  #upToDate = false;
  #news = { config: false, devices: false, plugged: false };
  #loaded = false;
  #connected = false;
  #stopped = false;
  #resolveStarted!: () => void;
  readonly #started = new Promise<void>((resolve) => {
    this.#resolveStarted = resolve;
  });

  /** Throws RemoteSyntaxError when `remote` cannot be understood. */
  constructor({ remote, tls, netlink, log, bridge }: TapsOptions) {
    super();
    this.#netlink = netlink;
    this.#remote = remote;
    this.#client = new Client({ remotes: remote, database: 'Open_vSwitch', tls, backoff: BACKOFF, log });
    this.#lock = this.#client.lock(LOCK);
    this.#replica = new Replica<LocalTables>(this.#client, { tables: LOCAL_TABLES });
    this.#model = new LocalModel(this.#replica, netlink, log, bridge);
    this.#writer = new DatabaseWriter({
      client: this.#client,
      log,
      lock: LOCK,
      steps: [(transaction) => this.#writeNewBridge(transaction), (transaction) => this.#write(transaction)],
      onFailure: () => this.#everythingUnwritten(),
    });
    this.#statistics = new StatisticsWriter({
      client: this.#client,
      netlink,
      log,
      lock: LOCK,
      devices: () => this.#deviceRows(),
      intervalMs: () => this.#statisticsInterval(),
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
      this.#schedule();
    });
    this.#replica.on('change', (batch, meta) => {
      this.#loaded = true;
      this.#replicaComplaints.onChange(batch, meta);
      for (const change of batch) {
        this.#model.mark(change);
        if (change.table !== 'Interface' || change.kind !== 'modify') continue;
        if (change.old.external_ids.get('iface-id') !== change.row.external_ids.get('iface-id'))
          this.#installed.moved(change.uuid);
      }
      this.#schedule();
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
  /** Interfaces of the integration bridge whose device exists, by iface-id. */
  get plugged(): ReadonlyMap<string, PluggedInterface> {
    return this.#model.plugs.plugged;
  }
  /** Every device plugged into the integration bridge, name by ifindex, with or without iface-id. */
  get devices(): ReadonlyMap<number, string> {
    return this.#model.plugs.devices;
  }
  /** What is wrong in the local database or with a device that it names. */
  get problems(): readonly Problem[] {
    return this.#problems.problems;
  }

  /**
   * Says which logical ports forward now: external_ids:ovn-installed is set on exactly these, as far as they are plugged, until
   * something else is said. Before the first word what the last process left stays.
   */
  setInstalled(ifaceIds: ReadonlySet<string>): void {
    const concerns = this.#installed.set(ifaceIds);
    for (const { ifaceId, uuid } of this.plugged.values()) if (concerns(ifaceId)) this.#unwritten.add(uuid);
    this.#writer.request();
  }

  /** Says which SB_Global.nb_cfg is in effect, for external_ids:ovn-nb-cfg of the integration bridge. */
  setNbCfg(nbCfg: bigint): void {
    this.#nbCfg = nbCfg;
    this.#writer.request();
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
    if (this.#loaded) {
      const { change, looked, more } = this.#model.evaluate(this.#writer.enabled);
      for (const uuid of [...looked, ...change.plugged]) this.#unwritten.add(uuid);
      this.#news.config ||= change.config;
      this.#news.devices ||= change.devices;
      this.#news.plugged ||= change.plugged.size > 0;
      if (more) {
        this.#schedule();
        return;
      }
      this.#upToDate = true;
      this.#writer.request();
      this.#announce();
    }
    if (this.#problems.replace(this.#complaints(), this.#model.system.systemId ?? '')) this.emit('problems');
    if (!this.#replica.synced || this.#connected) return;
    this.#connected = true;
    this.emit('connected');
    this.#resolveStarted();
  }

  /** Only when all is looked at: who listens sees no half of a change. */
  #announce(): void {
    const { config, devices, plugged } = this.#news;
    this.#news = { config: false, devices: false, plugged: false };
    if (config) this.emit('config');
    if (devices) this.emit('devices');
    if (plugged) this.emit('plugged');
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
    yield* this.#replicaComplaints.complaints();
    if (this.#loaded) yield* this.#model.complaints();
  }

  #everythingUnwritten(): void {
    for (const { row } of this.#model.attachments.values()) this.#unwritten.add(row._uuid);
  }

  #writeNewBridge(transaction: Transaction): void {
    const { root, bridgeName, system } = this.#model;
    if (root === undefined || this.#model.bridge(bridgeName) !== undefined) return;
    createBridge(transaction, root, bridgeName, system.get('ovn-bridge-datapath-type') || undefined);
  }

  /**
   * cur_cfg goes with, or after, the effects of the configuration it stands for, so that ovs-vsctl(8) sees them when it stops
   * waiting.
   */
  #write(transaction: Transaction): void {
    const { root, bridgeName, system } = this.#model;
    let rows = 0;
    for (const uuid of this.#unwritten) {
      if (rows++ === ROWS_AT_ONCE) break;
      this.#unwritten.delete(uuid);
      this.#writeInterface(transaction, uuid);
    }
    if (this.#unwritten.size > 0) this.#writer.request();
    for (const bridge of this.#replica.table('Bridge')) fillBridge(transaction, bridge);
    const bridge = this.#model.bridge(bridgeName);
    if (bridge !== undefined) {
      const datapathType = system.get('ovn-bridge-datapath-type') || undefined;
      const marks = { startup: this.#startup, nbCfg: this.#nbCfg };
      correctBridge(transaction, bridge, datapathType, marks, Date.now());
    }
    if (root === undefined) return;
    const complete = this.#upToDate && this.#unwritten.size === 0;
    const columns = {
      ...(sameSet(root.datapath_types, DATAPATH_TYPES) ? {} : { datapath_types: DATAPATH_TYPES }),
      ...(sameSet(root.iface_types, IFACE_TYPES) ? {} : { iface_types: IFACE_TYPES }),
      ...(root.cur_cfg !== root.next_cfg && complete ? { cur_cfg: root.next_cfg } : {}),
    };
    if (Object.keys(columns).length > 0) transaction.update('Open_vSwitch', [byUuid(root._uuid)], columns);
  }

  #writeInterface(transaction: Transaction, uuid: string): void {
    const attachment = this.#model.attachments.get(uuid);
    if (attachment === undefined) return;
    const { row, bridge: name } = attachment;
    const bridge = this.#model.bridge(name);
    const mac = bridge && localMac(bridge._uuid, bridge.other_config.get('hwaddr'));
    const columns = columnsToWrite(attachment, mac);
    if (columns !== undefined) transaction.update('Interface', [byUuid(uuid)], columns);
    if (name !== this.#model.bridgeName) return;
    const plug = this.plugged.get(row.external_ids.get('iface-id') ?? '');
    const mutations = this.#installed.mutations(row, plug?.uuid === uuid ? plug : undefined, Date.now());
    if (mutations.length > 0) transaction.mutate('Interface', [byUuid(uuid)], mutations);
  }

  *#deviceRows(): Iterable<readonly [uuid: string, ifindex: number]> {
    for (const { row, link } of this.#model.attachments.values())
      if (link !== undefined) yield [row._uuid, link.ifindex];
  }

  #statisticsInterval(): number {
    const wish = Number(this.#model.root?.other_config.get('stats-update-interval'));
    return Number.isFinite(wish) ? Math.max(wish, LEAST_STATISTICS_MS) : LEAST_STATISTICS_MS;
  }
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && b.every((element) => a.includes(element));
}
