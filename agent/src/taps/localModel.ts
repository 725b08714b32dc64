import { hostname } from 'node:os';
import type { Change, Replica } from '@iovisor-ovn/ovsdb-client';
import type { Bridge, Interface, Open_vSwitch } from '../gen/vswitch.js';
import type { LinkEvent, Log, Netlink } from '../netlink/index.js';
import { Attachments, type BridgeInterface } from './attachments.js';
import { type ChassisSettings, readChassisSettings } from './chassisSettings.js';
import type { Complaint } from './complaint.js';
import { DeviceSetup } from './deviceSetup.js';
import { saysSomethingNew } from './interfaceChange.js';
import { IFACE_TYPES } from './interfaceKind.js';
import type { LocalTables } from './localTables.js';
import { Plugs } from './plugs.js';
import type { ReportComplaints } from './problemBook.js';
import { SystemSettings } from './systemSettings.js';
import { Topology } from './topology.js';

/** What an evaluation did. */
export interface Evaluation {
  /** Whether the Open_vSwitch row was read anew. */
  readonly system: boolean;
  /** Whether the settings are others than before. */
  readonly config: boolean;
  /** Interface rows that may have to be written: those looked at, and those plugged otherwise because of them. */
  readonly concerned: ReadonlySet<string>;
  /** Of those looked at, the rows whose device went since the last look, even if there is another by now. */
  readonly reborn: ReadonlySet<string>;
  /** Time is up before all was looked at. */
  readonly more: boolean;
}

const DEFAULT_BRIDGE = 'br-int';
/** How long one evaluation may take, and how many rows are looked at between two looks at the clock. */
const SLICE_MS = 3;
const AT_ONCE = 8;

/**
 * The local database and the devices of this namespace seen together. Changes are marked as they come and evaluated together;
 * the work is that for the rows concerned. Rows stay as they are while the database is away, devices do not.
 */
export class LocalModel {
  readonly attachments: Attachments;
  readonly plugs: Plugs;
  readonly #replica: Replica<LocalTables>;
  readonly #netlink: Netlink;
  readonly #report: ReportComplaints;
  readonly #setup: DeviceSetup;
  readonly #fixedBridge: string | undefined;
  readonly #bridges;
  readonly #interfaces;
  readonly #topology = new Topology();
  readonly #dirty = new Set<string>();
  /** Interfaces of whose device there was an event. */
  readonly #linkDirty = new Set<string>();
  /** And of those whose device went. */
  readonly #reborn = new Set<string>();
  /** Interfaces that came to a bridge and may bring their number along. */
  readonly #arrived = new Set<string>();
  #systemDirty = true;
  #looks = 0;
  #system = new SystemSettings(new Map());
  #bridgeName = DEFAULT_BRIDGE;
  #settings: ChassisSettings = { cleanupOnExit: false };
  #settingsText = '';

  constructor(
    replica: Replica<LocalTables>,
    netlink: Netlink,
    log: Log,
    report: ReportComplaints,
    bridge: string | undefined,
  ) {
    this.#replica = replica;
    this.#netlink = netlink;
    this.#report = report;
    this.#setup = new DeviceSetup(netlink, log);
    this.attachments = new Attachments(netlink, this.#setup, report);
    this.plugs = new Plugs(report);
    this.#fixedBridge = bridge;
    this.#bridges = replica.table('Bridge').index('name');
    this.#interfaces = replica.table('Interface').index('name');
  }

  /** The one row of Open_vSwitch; undefined in a database that was never initialised. */
  get root(): Open_vSwitch | undefined {
    const [root] = this.#replica.table('Open_vSwitch');
    return root;
  }
  get system(): SystemSettings {
    return this.#system;
  }
  get settings(): ChassisSettings {
    return this.#settings;
  }
  /** Name of the integration bridge. */
  get bridgeName(): string {
    return this.#bridgeName;
  }
  /** How many times an Interface row was looked at. */
  get looks(): number {
    return this.#looks;
  }
  /** Something marked waits for an evaluation. */
  get pending(): boolean {
    return this.#systemDirty || this.#dirty.size > 0 || this.#linkDirty.size > 0;
  }
  bridge(name: string): Bridge | undefined {
    return this.#bridges.get(name);
  }
  interfaceNamed(name: string): Interface | undefined {
    return this.#interfaces.get(name);
  }

  /** Takes note of what one transaction changed in the database. */
  mark(batch: readonly Change<LocalTables>[]): void {
    for (const uuid of this.#topology.apply(batch)) {
      this.#dirty.add(uuid);
      this.#arrived.add(uuid);
    }
    for (const change of batch) {
      const { kind, columns } = change;
      switch (change.table) {
        case 'Interface':
          if (saysSomethingNew(change)) this.#dirty.add(change.uuid);
          else if (change.row !== undefined) this.attachments.refresh(change.row);
          break;
        case 'Open_vSwitch':
          this.#systemDirty ||= kind !== 'modify' || columns.includes('external_ids');
          break;
        case 'Bridge':
          this.#systemDirty ||=
            kind !== 'modify' || columns.some((column) => column === 'name' || column === 'datapath_type');
          break;
      }
    }
  }

  /** Takes note of a device's event. */
  markLink({ kind, link, old }: LinkEvent): void {
    if (kind === 'removed') this.#setup.forget(link.ifindex);
    for (const name of new Set([link.name, old?.name ?? link.name])) {
      const uuid = this.#interfaces.get(name)?._uuid;
      if (uuid === undefined) continue;
      this.#linkDirty.add(uuid);
      if (kind === 'removed' && this.attachments.get(uuid)?.link?.ifindex === link.ifindex)
        this.#reborn.add(uuid);
    }
  }

  /** Everything has to be looked at anew. */
  markAll(): void {
    this.#systemDirty = true;
    for (const { _uuid } of this.#replica.table('Interface')) this.#dirty.add(_uuid);
  }

  /** Brings a part of what is marked up to date, for a few milliseconds. */
  evaluate(mayChangeDevices: boolean): Evaluation {
    const system = this.#systemDirty;
    const config = system && this.#readSystem();
    this.#reserve();
    const concerned = new Set<string>();
    const reborn = new Set<string>();
    const ends = performance.now() + SLICE_MS;
    for (let some = this.#next(); some.length > 0; some = this.#next()) {
      for (const uuid of this.#look(some, mayChangeDevices)) concerned.add(uuid);
      for (const uuid of some) {
        concerned.add(uuid);
        if (this.#reborn.delete(uuid)) reborn.add(uuid);
      }
      if (performance.now() >= ends) break;
    }
    return { system, config, concerned, reborn, more: this.#dirty.size > 0 || this.#linkDirty.size > 0 };
  }

  /** Some of the rows to look at; none when all is done. */
  #next(): string[] {
    for (const uuid of this.#linkDirty) if (this.#isLinkNew(uuid)) this.#dirty.add(uuid);
    this.#linkDirty.clear();
    const some: string[] = [];
    for (const uuid of this.#dirty) {
      if (some.length === AT_ONCE) break;
      some.push(uuid);
      this.#dirty.delete(uuid);
    }
    return some;
  }

  /** Not what this process did to the device itself when it looked at it: that was taken over at once. */
  #isLinkNew(uuid: string): boolean {
    if (this.#reborn.has(uuid)) return true;
    const attachment = this.attachments.get(uuid);
    return attachment !== undefined && attachment.link !== this.#netlink.linkByName(attachment.row.name);
  }

  #reserve(): void {
    if (this.#arrived.size === 0) return;
    const found = [...this.#arrived].map((uuid) => this.#find(uuid)).filter((one) => one !== undefined);
    this.#arrived.clear();
    this.attachments.reserve(found);
  }

  /** Returns the rows that are plugged otherwise now. */
  #look(uuids: readonly string[], mayChangeDevices: boolean): ReadonlySet<string> {
    this.#looks += uuids.length;
    this.attachments.update(uuids, (uuid) => this.#find(uuid), mayChangeDevices);
    const here = new Map(
      uuids.map((uuid) => {
        const attachment = this.attachments.get(uuid);
        return [uuid, attachment?.bridge === this.#bridgeName ? attachment : undefined];
      }),
    );
    return this.plugs.update(here, this.#reborn);
  }

  #find(uuid: string): BridgeInterface | undefined {
    const row = this.#replica.table('Interface').get(uuid);
    const bridge = this.#topology.bridgeOf(uuid);
    return row === undefined || bridge === undefined ? undefined : { row, bridge };
  }

  /** Whether the settings are others than before. */
  #readSystem(): boolean {
    this.#systemDirty = false;
    const { root } = this;
    this.#system = new SystemSettings(root?.external_ids ?? new Map());
    const name = this.#fixedBridge ?? (this.#system.get('ovn-bridge') || DEFAULT_BRIDGE);
    if (name !== this.#bridgeName)
      for (const { _uuid } of this.#replica.table('Interface')) this.#dirty.add(_uuid);
    this.#bridgeName = name;
    const complaints: Complaint[] = [];
    if (root === undefined) {
      const message = 'the table is empty, so nothing is configured here: run "ovs-vsctl init"';
      complaints.push({ table: 'Open_vSwitch', uuid: '', name: '', column: '', message });
      this.#settings = { cleanupOnExit: false };
    } else {
      const bridge = this.#bridges.get(name);
      this.#settings = readChassisSettings(root, bridge, IFACE_TYPES, hostname(), (complaint) =>
        complaints.push(complaint),
      );
    }
    this.#report('Open_vSwitch', complaints);
    const text = JSON.stringify(this.#settings);
    const changed = text !== this.#settingsText;
    this.#settingsText = text;
    return changed;
  }
}
