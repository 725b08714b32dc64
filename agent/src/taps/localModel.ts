import { hostname } from 'node:os';
import type { Change, Replica } from '@iovisor-ovn/ovsdb-client';
import type { Bridge, Interface, Open_vSwitch, Port } from '../gen/vswitch.js';
import { type LinkEvent, type Log, type Netlink, NetlinkError } from '../netlink/index.js';
import { AbandonedTaps } from './abandonedTaps.js';
import { Attachments, type BridgeInterface } from './attachments.js';
import { BridgeDevices } from './bridgeDevices.js';
import { readBridgeMappings } from './bridgeMappings.js';
import { type ChassisSettings, NO_SETTINGS, readChassisSettings } from './chassisSettings.js';
import type { Complaint } from './complaint.js';
import { DeviceSetup } from './deviceSetup.js';
import { saysSomethingNew } from './interfaceChange.js';
import { IFACE_TYPES } from './interfaceKind.js';
import type { LocalTables } from './localTables.js';
import { deviceName, removeMadeDevices } from './madeDevices.js';
import { PhysicalNetworks, type WantedWire } from './physicalNetworks.js';
import { Plugs } from './plugs.js';
import type { ReportComplaints } from './problemBook.js';
import { SystemSettings } from './systemSettings.js';
import { Topology } from './topology.js';
import { unsupportedInBridge, unsupportedInPort } from './unsupported.js';

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
  readonly bridges: BridgeDevices;
  readonly #networks: PhysicalNetworks;
  readonly #log: Log;
  readonly #replica: Replica<LocalTables>;
  readonly #netlink: Netlink;
  readonly #report: ReportComplaints;
  readonly #setup: DeviceSetup;
  readonly #fixedBridge: string | undefined;
  readonly #systemIdOverride: string | undefined;
  readonly #bridges;
  readonly #interfaces;
  readonly #ports;
  readonly #interfaceTable;
  readonly #topology = new Topology();
  readonly #dirty = new Set<string>();
  /** Interfaces of whose device there was an event. */
  readonly #linkDirty = new Set<string>();
  /** And of those whose device went. */
  readonly #reborn = new Set<string>();
  /** Interfaces that came to a bridge and may bring their number along. */
  readonly #arrived = new Set<string>();
  #systemDirty = true;
  #networksDirty = true;
  /** Devices may be there that an earlier agent made for rows that are gone. */
  #sweepDue = false;
  #looks = 0;
  #system = new SystemSettings(new Map());
  #bridgeName = DEFAULT_BRIDGE;
  #settings: ChassisSettings = NO_SETTINGS;
  #settingsText = '';

  constructor(
    replica: Replica<LocalTables>,
    netlink: Netlink,
    log: Log,
    report: ReportComplaints,
    bridge: string | undefined,
    systemIdOverride?: string,
  ) {
    this.#replica = replica;
    this.#netlink = netlink;
    this.#report = report;
    this.#setup = new DeviceSetup(netlink, log);
    this.#log = log;
    const abandoned = new AbandonedTaps(netlink, log, (name) => {
      const row = this.#interfaces.get(name);
      if (row !== undefined) this.#dirty.add(row._uuid);
    });
    this.bridges = new BridgeDevices(netlink, log, abandoned);
    this.attachments = new Attachments({
      netlink,
      abandoned,
      setup: this.#setup,
      bridges: this.bridges,
      surroundings: this,
      report,
    });
    this.plugs = new Plugs(report);
    this.#networks = new PhysicalNetworks({
      netlink,
      log,
      bridges: this.bridges,
      bridge: (name) => this.bridge(name),
    });
    this.#fixedBridge = bridge;
    this.#systemIdOverride = systemIdOverride;
    this.#bridges = replica.table('Bridge').index('name');
    this.#interfaces = replica.table('Interface').index('name');
    this.#ports = replica.table('Port');
    this.#interfaceTable = replica.table('Interface');
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
    return this.#systemDirty || this.#networksDirty || this.#dirty.size > 0 || this.#linkDirty.size > 0;
  }
  bridge(name: string): Bridge | undefined {
    return this.#bridges.get(name);
  }
  interfaceNamed(name: string): Interface | undefined {
    return this.#interfaces.get(name);
  }
  /** The interface of that name, if it is in a bridge. */
  inBridge(name: string): BridgeInterface | undefined {
    const row = this.#interfaces.get(name);
    return row && this.#find(row._uuid);
  }
  /** Physical network → ifindex of the data plane's end; another object whenever something changed. */
  get networks(): ReadonlyMap<string, number> {
    return this.#networks.ends;
  }

  /** Further wires into physical networks, by name. */
  setWires(wires: ReadonlyMap<string, WantedWire>): void {
    this.#networks.wires = wires;
    this.#networksDirty = true;
  }

  /** The bridges shall forget which machines they saw at these wires, or at the own one of these networks. */
  forgetLearned(wires: Iterable<string>): void {
    for (const wire of wires) this.#networks.forgetLearned(wire);
  }

  /** Connects them now, when nothing else waits that comes first. */
  connectWires(mayChange: boolean): void {
    if (!this.#systemDirty && this.#dirty.size === 0 && this.#networksDirty) this.#updateNetworks(mayChange);
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
          this.#markPeers(change.old, change.row);
          if (saysSomethingNew(change)) this.#dirty.add(change.uuid);
          else if (change.row !== undefined) this.attachments.refresh(change.row);
          break;
        case 'Open_vSwitch':
          this.#systemDirty ||= kind !== 'modify' || columns.includes('external_ids');
          break;
        case 'Bridge':
          this.#systemDirty ||=
            kind !== 'modify' || columns.some((column) => column === 'name' || column === 'datapath_type');
          this.#markBridge(change.row, change.old);
          break;
        case 'Port':
          for (const uuid of this.#topology.interfacesOf(change.uuid)) this.#dirty.add(uuid);
          this.#reportPort(change.uuid, change.row);
          break;
      }
    }
  }

  /** Takes note of a device's event. */
  markLink({ kind, link, old }: LinkEvent): void {
    if (kind === 'removed') {
      this.#setup.forget(link.ifindex);
      this.bridges.forget(link.ifindex);
    }
    const names = new Set([link.name, old?.name ?? link.name]);
    const uuids = new Set([...names].map((name) => this.#interfaces.get(name)?._uuid));
    uuids.add(this.attachments.ownerOf(link.ifindex));
    for (const uuid of uuids) {
      if (uuid === undefined) continue;
      this.#linkDirty.add(uuid);
      if (kind === 'removed' && this.attachments.get(uuid)?.end?.ifindex === link.ifindex)
        this.#reborn.add(uuid);
      if (kind !== 'changed' || old?.lowerUp !== link.lowerUp) this.#markBond(uuid);
    }
    for (const name of names) {
      this.#networksDirty ||= this.#networks.uses(name);
      if (kind !== 'changed' && this.#bridges.get(name) !== undefined) this.#markPortsOf(name);
    }
  }

  /** Looks again at devices in other network namespaces, whose changes are announced to nobody here. */
  markMoved(): void {
    for (const { row, link, end } of this.attachments.values())
      if (link !== end && end?.peerInOtherNetns) this.#dirty.add(row._uuid);
  }

  /** A patch port's peer is concerned when it comes, goes or points elsewhere. */
  #markPeers(old: Interface | undefined, row: Interface | undefined): void {
    const peers = new Set(
      [old, row].map((each) => (each?.type === 'patch' ? each.options.get('peer') : undefined)),
    );
    if (old?.options.get('peer') === row?.options.get('peer') && old?.type === row?.type) return;
    for (const name of peers) {
      const peer = name === undefined ? undefined : this.#interfaces.get(name);
      if (peer !== undefined) this.#dirty.add(peer._uuid);
    }
  }

  /** Of a bond, each interface is concerned when one of them gains or loses its carrier. */
  #markBond(uuid: string): void {
    const port = this.#topology.portOf(uuid);
    const members = port === undefined ? [] : this.#topology.interfacesOf(port);
    if (members.length > 1) for (const member of members) this.#dirty.add(member);
  }

  /** The bridge's device came or went: its ports have to be put into it. */
  #markPortsOf(bridge: string): void {
    this.#networksDirty = true;
    for (const { row, bridge: name } of this.attachments.values())
      if (name === bridge) this.#dirty.add(row._uuid);
  }

  #markBridge(row: Bridge | undefined, old: Bridge | undefined): void {
    const uuid = row?._uuid ?? old?._uuid;
    this.#report(`Bridge ${uuid}`, row === undefined ? [] : [...unsupportedInBridge(row)]);
    if (row === undefined || old === undefined) this.#networksDirty = true;
    if (row === undefined) return;
    const concerned =
      old === undefined ||
      old.fail_mode !== row.fail_mode ||
      old.other_config.get('hwaddr') !== row.other_config.get('hwaddr');
    const local = concerned ? this.#interfaces.get(row.name) : undefined;
    if (local === undefined) return;
    this.#dirty.add(local._uuid);
    this.bridges.unsettle(row.name);
  }

  #reportPort(uuid: string, row: Port | undefined): void {
    const [first] = row?.interfaces ?? [];
    const bridge = first && this.#topology.bridgeOf(first);
    const active = row && bridge !== this.#bridgeName ? this.#activeOf(row) : undefined;
    this.#report(`Port ${uuid}`, row === undefined ? [] : [...unsupportedInPort(row, active)]);
  }

  /** Name of the interface that carries the traffic of a port: the first that has a carrier, else the first that is there. */
  #activeOf(port: Port): string | undefined {
    const names = port.interfaces.flatMap((uuid) => this.#interfaceTable.get(uuid)?.name ?? []).sort();
    const carries = (name: string) => this.#netlink.linkByName(name)?.lowerUp === true;
    return (
      names.find(carries) ?? names.find((name) => this.#netlink.linkByName(name) !== undefined) ?? names[0]
    );
  }

  /** Everything has to be looked at anew. */
  markAll(): void {
    this.#systemDirty = true;
    this.#networksDirty = true;
    this.#sweepDue = true;
    for (const { _uuid } of this.#interfaceTable) this.#dirty.add(_uuid);
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
      // What is to take the place of a device that is being removed has to wait until its name is free.
      if (performance.now() >= ends || this.#netlink.writer.removed !== undefined) break;
    }
    if (this.#dirty.size === 0 && this.#linkDirty.size === 0) this.#complete(mayChangeDevices);
    // What was done to devices may concern others.
    const more = this.#dirty.size > 0 || this.#linkDirty.size > 0;
    if (!more) this.plugs.settle();
    return { system, config, concerned, reborn, more };
  }

  /** What can be done when all ports are where they belong. */
  #complete(mayChange: boolean): void {
    if (mayChange) this.bridges.settle();
    if (this.#networksDirty) this.#updateNetworks(mayChange);
    if (this.#sweepDue && mayChange) this.#sweep();
  }

  #updateNetworks(mayChange: boolean): void {
    this.#networksDirty = false;
    const key = 'ovn-bridge-mappings';
    const complaints: Complaint[] = [];
    const complain = (message: string) =>
      complaints.push(PhysicalNetworks.complaint(this.root?._uuid ?? '', this.#system.keyOf(key), message));
    const mappings = readBridgeMappings(this.#system.get(key) ?? '', complain);
    for (const message of this.#networks.update(mappings, this.#bridgeName, mayChange)) complain(message);
    // The data plane's own doing was taken over at once.
    this.#networksDirty = false;
    this.#report('physical networks', complaints);
  }

  /** Removes what an agent made for rows that went while none ran. */
  #sweep(): void {
    this.#sweepDue = false;
    const stays = new Set<string>();
    for (const { row, bridge, kind } of this.attachments.values()) {
      if (kind === 'local') stays.add(bridge);
      else if (row.type === 'internal') stays.add(deviceName('internal', row.name));
      else if (row.type === 'patch') stays.add(deviceName('patch', row.name));
    }
    try {
      const gone = removeMadeDevices(
        this.#netlink,
        ({ name }) => stays.has(name) || this.#networks.uses(name),
      );
      if (gone.length > 0)
        this.#log.info({ devices: gone }, 'devices that nothing refers to any more were removed');
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      this.#log.warn({ error: error.message }, 'a device that nothing refers to cannot be removed');
    }
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
      // Devices may have to be made for it, some milliseconds each.
      if (this.attachments.get(uuid) === undefined && this.#interfaceTable.get(uuid)?.type === 'internal')
        break;
    }
    return some;
  }

  /** Not what this process did to the device itself when it looked at it: that was taken over at once. */
  #isLinkNew(uuid: string): boolean {
    if (this.#reborn.has(uuid)) return true;
    const attachment = this.attachments.get(uuid);
    return attachment !== undefined && !this.attachments.isCurrent(attachment);
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
    const row = this.#interfaceTable.get(uuid);
    const bridge = this.#topology.bridgeOf(uuid);
    if (row === undefined || bridge === undefined) return undefined;
    const portUuid = this.#topology.portOf(uuid);
    const port = portUuid === undefined ? undefined : this.#ports.get(portUuid);
    const standby = port !== undefined && port.interfaces.length > 1 && this.#activeOf(port) !== row.name;
    return { row, bridge, port, standby };
  }

  /** Whether the settings are others than before. */
  #readSystem(): boolean {
    this.#systemDirty = false;
    this.#networksDirty = true;
    const { root } = this;
    this.#system = new SystemSettings(root?.external_ids ?? new Map(), this.#systemIdOverride);
    const name = this.#fixedBridge ?? (this.#system.get('ovn-bridge') || DEFAULT_BRIDGE);
    if (name !== this.#bridgeName) for (const { _uuid } of this.#interfaceTable) this.#dirty.add(_uuid);
    this.#bridgeName = name;
    const complaints: Complaint[] = [];
    if (root === undefined) {
      const message = 'the table is empty, so nothing is configured here: run "ovs-vsctl init"';
      complaints.push({ table: 'Open_vSwitch', uuid: '', name: '', column: '', message });
      this.#settings = NO_SETTINGS;
    } else {
      const bridge = this.#bridges.get(name);
      const complain = (complaint: Complaint) => complaints.push(complaint);
      this.#settings = readChassisSettings(
        root,
        bridge,
        IFACE_TYPES,
        hostname(),
        complain,
        this.#systemIdOverride,
      );
    }
    this.#report('Open_vSwitch', complaints);
    const text = JSON.stringify(this.#settings);
    const changed = text !== this.#settingsText;
    this.#settingsText = text;
    return changed;
  }
}
