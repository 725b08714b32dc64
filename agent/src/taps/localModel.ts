import { hostname } from 'node:os';
import type { Change, Replica } from '@iovisor-ovn/ovsdb-client';
import type { Bridge, Open_vSwitch } from '../gen/vswitch.js';
import type { LinkEvent, Log, Netlink } from '../netlink/index.js';
import { Attachments, type BridgeInterface } from './attachments.js';
import { type ChassisSettings, readChassisSettings } from './chassisSettings.js';
import type { Complaint } from './complaint.js';
import { DeviceSetup } from './deviceSetup.js';
import { IFACE_TYPES } from './interfaceKind.js';
import type { LocalTables } from './localTables.js';
import { Plugs, type PlugsChange } from './plugs.js';
import { SystemSettings } from './systemSettings.js';
import { Topology } from './topology.js';

/** What an evaluation found to be different. */
export interface ModelChange extends PlugsChange {
  readonly config: boolean;
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
  readonly plugs = new Plugs();
  readonly #replica: Replica<LocalTables>;
  readonly #setup: DeviceSetup;
  readonly #fixedBridge: string | undefined;
  readonly #bridges;
  readonly #interfaces;
  readonly #topology = new Topology();
  readonly #dirty = new Set<string>();
  #systemDirty = true;
  #bridgesDirty = true;
  #root: Open_vSwitch | undefined;
  #system = new SystemSettings(new Map());
  #bridgeName = DEFAULT_BRIDGE;
  #settings: ChassisSettings = { cleanupOnExit: false };
  #settingsText = '';
  #settingsComplaints: Complaint[] = [];

  constructor(replica: Replica<LocalTables>, netlink: Netlink, log: Log, bridge: string | undefined) {
    this.#replica = replica;
    this.#setup = new DeviceSetup(netlink, log);
    this.attachments = new Attachments(netlink, this.#setup);
    this.#fixedBridge = bridge;
    this.#bridges = replica.table('Bridge').index('name');
    this.#interfaces = replica.table('Interface').index('name');
  }

  /** The one row of Open_vSwitch; undefined in a database that was never initialised. */
  get root(): Open_vSwitch | undefined {
    return this.#root;
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
  bridge(name: string): Bridge | undefined {
    return this.#bridges.get(name);
  }

  /** Takes note of a change of the database. */
  mark(change: Change<LocalTables>): void {
    if (change.table === 'Interface') this.#dirty.add(change.uuid);
    else this.#systemDirty = true;
    // A port's interfaces are of no use without the bridge's ports, so both are read together.
    if (change.table === 'Bridge' || change.table === 'Port') this.#bridgesDirty = true;
  }

  /** Takes note of a device's event. */
  markLink({ kind, link, old }: LinkEvent): void {
    if (kind === 'removed') this.#setup.forget(link.ifindex);
    for (const name of new Set([link.name, old?.name ?? link.name])) {
      const row = this.#interfaces.get(name);
      if (row !== undefined) this.#dirty.add(row._uuid);
    }
  }

  /** Everything has to be looked at anew. */
  markAll(): void {
    this.#systemDirty = true;
    this.#bridgesDirty = true;
    for (const { _uuid } of this.#replica.table('Interface')) this.#dirty.add(_uuid);
  }

  /**
   * Brings a part of what is marked up to date, for a few milliseconds. Returns what changed, which Interface rows were looked
   * at and whether there is more.
   */
  evaluate(mayChangeDevices: boolean): { change: ModelChange; looked: readonly string[]; more: boolean } {
    const config = this.#systemDirty && this.#readSystem();
    if (this.#bridgesDirty) this.#readBridges();
    const looked: string[] = [];
    const ends = performance.now() + SLICE_MS;
    let change: ModelChange = { plugged: new Set(), devices: false, config };
    while (this.#dirty.size > 0 && performance.now() < ends) {
      const some = firstOf(this.#dirty, AT_ONCE);
      for (const uuid of some) this.#dirty.delete(uuid);
      const { plugged, devices } = this.#look(some, mayChangeDevices);
      const all = new Set([...change.plugged, ...plugged]);
      change = { plugged: all, devices: change.devices || devices, config };
      looked.push(...some);
    }
    return { change, looked, more: this.#dirty.size > 0 };
  }

  #readBridges(): void {
    this.#bridgesDirty = false;
    const ports = this.#replica.table('Port');
    const moved = this.#topology.update(this.#replica.table('Bridge'), (uuid) => ports.get(uuid));
    for (const uuid of moved) this.#dirty.add(uuid);
    this.attachments.reserve(moved.map((uuid) => this.#find(uuid)).filter((found) => found !== undefined));
  }

  #look(uuids: readonly string[], mayChangeDevices: boolean): PlugsChange {
    this.attachments.update(uuids, (uuid) => this.#find(uuid), mayChangeDevices);
    const here = new Map(
      uuids.map((uuid) => {
        const attachment = this.attachments.get(uuid);
        return [uuid, attachment?.bridge === this.#bridgeName ? attachment : undefined];
      }),
    );
    return this.plugs.update(here);
  }

  *complaints(): Iterable<Complaint> {
    yield* this.#settingsComplaints;
    yield* this.attachments.complaints();
    yield* this.plugs.complaints();
  }

  #find(uuid: string): BridgeInterface | undefined {
    const row = this.#replica.table('Interface').get(uuid);
    const bridge = this.#topology.bridgeOf(uuid);
    return row === undefined || bridge === undefined ? undefined : { row, bridge };
  }

  /** Whether the settings are others than before. */
  #readSystem(): boolean {
    this.#systemDirty = false;
    [this.#root] = this.#replica.table('Open_vSwitch');
    this.#system = new SystemSettings(this.#root?.external_ids ?? new Map());
    const name = this.#fixedBridge ?? (this.#system.get('ovn-bridge') || DEFAULT_BRIDGE);
    if (name !== this.#bridgeName)
      for (const { _uuid } of this.#replica.table('Interface')) this.#dirty.add(_uuid);
    this.#bridgeName = name;
    this.#settingsComplaints = [];
    const complain = (complaint: Complaint) => this.#settingsComplaints.push(complaint);
    if (this.#root === undefined) {
      const message = 'the table is empty, so nothing is configured here: run "ovs-vsctl init"';
      complain({ table: 'Open_vSwitch', uuid: '', name: '', column: '', message });
      this.#settings = { cleanupOnExit: false };
    } else {
      const bridge = this.#bridges.get(name);
      this.#settings = readChassisSettings(this.#root, bridge, IFACE_TYPES, hostname(), complain);
    }
    const text = JSON.stringify(this.#settings);
    const changed = text !== this.#settingsText;
    this.#settingsText = text;
    return changed;
  }
}

function firstOf<T>(values: Iterable<T>, most: number): T[] {
  const first: T[] = [];
  for (const value of values) {
    if (first.length === most) break;
    first.push(value);
  }
  return first;
}
