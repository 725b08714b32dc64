import {
  byUuid,
  type Change,
  type Mutation,
  type Replica,
  type Transaction,
} from '@iovisor-ovn/ovsdb-client';
import type { Bridge, Interface } from '../gen/vswitch.js';
import type { Attachment } from './attachment.js';
import { InstalledPorts } from './installedPorts.js';
import {
  type BridgeMarks,
  correctBridge,
  createBridge,
  fillBridge,
  type NbCfg,
  wrongMarks,
} from './integrationBridge.js';
import { columnsToWrite } from './interfaceColumns.js';
import { DATAPATH_TYPES, IFACE_TYPES } from './interfaceKind.js';
import { localMac } from './localMac.js';
import type { LocalModel } from './localModel.js';
import type { LocalTables } from './localTables.js';

/** Most Interface rows in one transaction. */
const ROWS_AT_ONCE = 256;
/** Columns of the Open_vSwitch row by which it may have to be written. */
const ROOT: readonly string[] = ['next_cfg', 'datapath_types', 'iface_types'];

/**
 * What may have to be written to the database: rows are noted when something about them changes, and compared with what they
 * should be. What comes back of the writes themselves is compared at once and forgotten.
 */
export class PendingWrites {
  readonly #model: LocalModel;
  readonly #replica: Replica<LocalTables>;
  readonly #installed = new InstalledPorts();
  readonly #interfaces = new Set<string>();
  readonly #bridges = new Set<string>();
  readonly #startup = String(Date.now());
  #root = true;
  #nbCfg: NbCfg | undefined;
  #comparisons = 0;

  constructor(model: LocalModel, replica: Replica<LocalTables>) {
    this.#model = model;
    this.#replica = replica;
  }

  /** Something may have to be written. */
  get any(): boolean {
    return this.#root || this.#interfaces.size > 0 || this.#bridges.size > 0;
  }

  /** How many times an Interface row was compared with what it should be. */
  get comparisons(): number {
    return this.#comparisons;
  }

  /** Takes note of what one transaction changed in the database; after the model did. */
  mark(batch: readonly Change<LocalTables>[]): void {
    for (const change of batch)
      switch (change.table) {
        case 'Interface':
          this.#markInterface(change);
          break;
        case 'Bridge':
          this.#markBridge(change);
          break;
        case 'Open_vSwitch':
          this.#root ||= change.kind !== 'modify' || change.columns.some((column) => ROOT.includes(column));
          break;
      }
  }

  /** These Interface rows were looked at; of those `reborn` the device is another than before, or none. */
  looked(uuids: Iterable<string>, reborn: Iterable<string>): void {
    for (const uuid of reborn) {
      const row = this.#model.attachments.get(uuid)?.row;
      if (row !== undefined) this.#installed.doubt(row);
    }
    for (const uuid of uuids) {
      this.#interfaces.add(uuid);
      const attachment = this.#model.attachments.get(uuid);
      // Its datapath_id follows the address of its local port.
      if (attachment?.kind === 'local') this.#noteBridge(this.#model.bridge(attachment.bridge));
    }
  }

  /** The settings were read: it may be about another bridge, or another type of it. */
  systemRead(): void {
    this.#root = true;
    this.#noteBridge(this.#model.bridge(this.#model.bridgeName));
  }

  /** All rows may be wrong. */
  everything(): void {
    this.#root = true;
    for (const { row } of this.#model.attachments.values()) this.#interfaces.add(row._uuid);
    for (const { _uuid } of this.#replica.table('Bridge')) this.#bridges.add(_uuid);
  }

  setInstalled(ifaceIds: ReadonlySet<string>): void {
    this.#ports(this.#installed.set(ifaceIds) ?? this.#model.plugs.plugged.keys());
  }

  addInstalled(ifaceIds: Iterable<string>): void {
    this.#ports(this.#installed.add(ifaceIds));
  }

  removeInstalled(ifaceIds: Iterable<string>): void {
    this.#ports(this.#installed.remove(ifaceIds));
  }

  setNbCfg(nbCfg: NbCfg): void {
    if (nbCfg.number === this.#nbCfg?.number) return;
    this.#nbCfg = nbCfg;
    this.#noteBridge(this.#model.bridge(this.#model.bridgeName));
  }

  /** Adds the integration bridge where there is none. */
  writeNewBridge(transaction: Transaction): void {
    const { root, bridgeName, system } = this.#model;
    if (root === undefined || this.#model.bridge(bridgeName) !== undefined) return;
    createBridge(transaction, root, bridgeName, system.get('ovn-bridge-datapath-type') || undefined);
  }

  /**
   * Adds the rest. cur_cfg goes with, or after, the effects of the configuration it stands for, so that ovs-vsctl(8) sees them
   * when it stops waiting; `upToDate` is whether the model has all of these effects. Returns whether there is more.
   */
  write(transaction: Transaction, upToDate: boolean): boolean {
    let rows = 0;
    for (const uuid of this.#interfaces) {
      if (rows++ === ROWS_AT_ONCE) break;
      this.#interfaces.delete(uuid);
      this.#writeInterface(transaction, uuid);
    }
    for (const uuid of this.#bridges) this.#writeBridge(transaction, uuid);
    this.#bridges.clear();
    if (this.#root) this.#writeRoot(transaction, upToDate && this.#interfaces.size === 0);
    return this.#interfaces.size > 0;
  }

  #markInterface({ uuid, old, row }: Extract<Change<LocalTables>, { table: 'Interface' }>): void {
    if (row === undefined) this.#installed.forget(uuid);
    else if (old !== undefined) {
      if (old.external_ids.get('iface-id') !== row.external_ids.get('iface-id')) this.#installed.doubt(row);
      // One that was never looked at is going to be.
      const attachment = this.#model.attachments.get(uuid);
      if (attachment !== undefined && this.#isWrong(attachment)) this.#interfaces.add(uuid);
    }
  }

  #markBridge({ uuid, kind, row, columns }: Extract<Change<LocalTables>, { table: 'Bridge' }>): void {
    // Perhaps it has to be made again.
    if (kind === 'delete') this.#root = true;
    if (row === undefined) return;
    const written = ['ports', 'external_ids'];
    const only = columns?.every((column) => written.includes(column)) ?? false;
    const here = row.name === this.#model.bridgeName;
    if (only && !(here && wrongMarks(row, this.#marks()).size > 0)) return;
    this.#bridges.add(uuid);
    // Its address is that of the bridge, unless there is a device.
    const local = this.#model.interfaceNamed(row.name);
    if (local !== undefined) this.#interfaces.add(local._uuid);
  }

  #ports(ifaceIds: Iterable<string>): void {
    for (const ifaceId of ifaceIds) {
      const plug = this.#model.plugs.plugged.get(ifaceId);
      if (plug !== undefined) this.#interfaces.add(plug.uuid);
    }
  }

  #noteBridge(bridge: Bridge | undefined): void {
    if (bridge !== undefined) this.#bridges.add(bridge._uuid);
  }

  #marks(): BridgeMarks {
    return { startup: this.#startup, nbCfg: this.#nbCfg };
  }

  #isWrong(attachment: Attachment): boolean {
    const { columns, mutations } = this.#corrections(attachment, 0);
    return columns !== undefined || mutations.length > 0;
  }

  #corrections(
    attachment: Attachment,
    now: number,
  ): { columns: Partial<Interface> | undefined; mutations: Mutation[] } {
    this.#comparisons++;
    const { row, bridge: name } = attachment;
    const bridge = this.#model.bridge(name);
    const mac = bridge && this.#macOf(bridge);
    const columns = columnsToWrite(attachment, mac);
    if (name !== this.#model.bridgeName) return { columns, mutations: [] };
    const plug = this.#model.plugs.plugged.get(row.external_ids.get('iface-id') ?? '');
    const mutations = this.#installed.mutations(row, plug?.uuid === row._uuid ? plug : undefined, now);
    return { columns, mutations };
  }

  #macOf(bridge: Bridge): string {
    return bridge.name === this.#model.bridgeName
      ? localMac(bridge._uuid, bridge.other_config.get('hwaddr'))
      : this.#model.bridges.macOf(bridge);
  }

  #writeInterface(transaction: Transaction, uuid: string): void {
    const attachment = this.#model.attachments.get(uuid);
    if (attachment === undefined) return;
    const { columns, mutations } = this.#corrections(attachment, Date.now());
    if (columns !== undefined) transaction.update('Interface', [byUuid(uuid)], columns);
    if (mutations.length > 0) transaction.mutate('Interface', [byUuid(uuid)], mutations);
  }

  #writeBridge(transaction: Transaction, uuid: string): void {
    const bridge = this.#replica.table('Bridge').get(uuid);
    if (bridge === undefined) return;
    fillBridge(transaction, bridge, this.#macOf(bridge));
    if (bridge.name !== this.#model.bridgeName) return;
    const datapathType = this.#model.system.get('ovn-bridge-datapath-type') || undefined;
    correctBridge(transaction, bridge, datapathType, this.#marks());
  }

  #writeRoot(transaction: Transaction, complete: boolean): void {
    const { root } = this.#model;
    if (complete) this.#root = false;
    if (root === undefined) return;
    const columns = {
      ...(sameSet(root.datapath_types, DATAPATH_TYPES) ? {} : { datapath_types: DATAPATH_TYPES }),
      ...(sameSet(root.iface_types, IFACE_TYPES) ? {} : { iface_types: IFACE_TYPES }),
      ...(root.cur_cfg !== root.next_cfg && complete ? { cur_cfg: root.next_cfg } : {}),
    };
    if (Object.keys(columns).length > 0) transaction.update('Open_vSwitch', [byUuid(root._uuid)], columns);
  }
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && b.every((element) => a.includes(element));
}
