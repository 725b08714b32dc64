import type {
  LogicalSwitchPortRow,
  LogicalSwitchRow,
  NbGlobalRow,
  NorthboundChange,
} from '../monitor/rows.js';
import type { ProblemRegistry } from '../problems/registry.js';
import { AclGuard } from './acl-guard.js';
import { difference, MultiMap } from './multimap.js';
import { type PortConfig, readPortConfig } from './port-config.js';
import { unsupportedByPort, unsupportedBySwitch } from './unsupported.js';

/** A logical switch port of the Northbound database, read. */
export interface NorthboundPort {
  row: LogicalSwitchPortRow;
  config: PortConfig;
  /** The row is deleted, which northd has not done to the Port_Binding yet. */
  gone: boolean;
}

/** Who wants to know what changed. */
export interface NorthboundListener {
  /** The port of that name (a Port_Binding's logical_port) means something else now, or is gone. */
  portChanged(name: string): void;
  /** The switch row means something else now, or is gone. */
  switchChanged(uuid: string): void;
  /** Southbound still has a Port_Binding of that name. */
  isBinding(name: string): boolean;
  /** An option that all ports depend on changed. */
  optionsChanged(): void;
}

/** What the operator said: Northbound rows, read once when they change. */
export class Northbound {
  #global?: NbGlobalRow;
  readonly #switches = new Map<string, LogicalSwitchRow>();
  readonly #ports = new Map<string, NorthboundPort>();
  readonly #portsByName = new Map<string, NorthboundPort>();
  readonly #virtualsByParent = new MultiMap<string, NorthboundPort>();
  readonly #switchesOfPort = new MultiMap<string, string>();
  readonly #acls: AclGuard;
  readonly #problems: ProblemRegistry;
  readonly #listener: NorthboundListener;

  constructor(problems: ProblemRegistry, listener: NorthboundListener) {
    this.#problems = problems;
    this.#listener = listener;
    this.#acls = new AclGuard(problems, (uuid) => this.#portTouched(uuid));
  }

  /** NB_Global.nb_cfg; 0 without a row. */
  get nbCfg(): bigint {
    return BigInt(this.#global?.nb_cfg ?? 0);
  }

  /** NB_Global.options:ignore_lsp_down: answer ARP and ND for ports that are down. True unless set to false. */
  get ignoreLspDown(): boolean {
    return this.#global?.options?.get('ignore_lsp_down') !== 'false';
  }

  get switches(): ReadonlyMap<string, LogicalSwitchRow> {
    return this.#switches;
  }

  port(name: string): NorthboundPort | undefined {
    return this.#portsByName.get(name);
  }

  /** Virtual ports that name this one in options:virtual-parents. */
  virtualsOf(name: string): ReadonlySet<NorthboundPort> {
    return this.#virtualsByParent.get(name);
  }

  /** The Port_Binding of that name is gone too. */
  forget(name: string): void {
    if (this.#portsByName.get(name)?.gone) this.#setNamed(name, undefined);
  }

  /** Which port has the name; the parents it lists, and listed, hear of it. */
  #setNamed(name: string, port: NorthboundPort | undefined): void {
    const old = this.#portsByName.get(name);
    const before = virtualParents(old);
    const after = virtualParents(port);
    for (const parent of before) this.#virtualsByParent.delete(parent, old!);
    for (const parent of after) this.#virtualsByParent.add(parent, port!);
    if (port) this.#portsByName.set(name, port);
    else this.#portsByName.delete(name);
    for (const parent of new Set([...before, ...after])) this.#listener.portChanged(parent);
  }

  /** Why the port must not forward; empty when it may. */
  failClosed(lspUuid: string): string {
    if (this.#defaultDrop) return 'NB_Global options:default_acl_drop=true is not supported yet';
    return this.#acls.reason(lspUuid);
  }

  /** Takes one row's change. */
  apply(change: NorthboundChange): void {
    switch (change.table) {
      case 'NB_Global':
        this.#setGlobal(change.row);
        break;
      case 'Logical_Switch':
        this.#setSwitch(change.uuid, change.row);
        break;
      case 'Logical_Switch_Port':
        this.#setPort(change.uuid, change.row);
        break;
      case 'Port_Group':
        this.#acls.setOwner('Port_Group', change.uuid, change.row);
        break;
      case 'ACL':
        this.#acls.setAcl(change.uuid, change.row);
        break;
      case 'Logical_Router':
        this.#setRouter(change.uuid, change.row?.name);
        break;
    }
  }

  get #defaultDrop(): boolean {
    return this.#global?.options?.get('default_acl_drop') === 'true';
  }

  #setGlobal(row: NbGlobalRow | undefined): void {
    const before = [this.ignoreLspDown, this.#defaultDrop];
    this.#global = row;
    if (before[0] === this.ignoreLspDown && before[1] === this.#defaultDrop) return;
    const message = 'default_acl_drop is not supported yet: no port forwards';
    const problem = { where: 'Northbound', table: 'NB_Global', uuid: row?._uuid, column: 'options', message };
    this.#problems.replace('default_acl_drop', this.#defaultDrop ? [problem] : []);
    this.#listener.optionsChanged();
  }

  #setSwitch(uuid: string, row: LogicalSwitchRow | undefined): void {
    const old = this.#switches.get(uuid);
    const { added, removed } = difference(old?.ports, row?.ports);
    if (row) this.#switches.set(uuid, row);
    else this.#switches.delete(uuid);
    for (const port of removed) this.#switchesOfPort.delete(port, uuid);
    for (const port of added) this.#switchesOfPort.add(port, uuid);
    for (const port of [...added, ...removed]) this.#checkOwners(port);
    this.#acls.setOwner('Logical_Switch', uuid, row);
    this.#problems.replace(`ls:${uuid}`, row ? unsupportedBySwitch(row) : []);
    if (row?.name !== old?.name || row?.other_config !== old?.other_config)
      this.#listener.switchChanged(uuid);
  }

  #setPort(uuid: string, row: LogicalSwitchPortRow | undefined): void {
    const old = this.#ports.get(uuid);
    if (!row) {
      this.#deletePort(uuid, old);
      return;
    }
    if (old && old.row.name !== row.name && this.#portsByName.get(old.row.name) === old)
      this.#setNamed(old.row.name, undefined);
    const port = { row, config: readPortConfig(row), gone: false };
    this.#ports.set(uuid, port);
    this.#setNamed(row.name, port);
    this.#problems.replace(`lsp:${uuid}`, [...port.config.problems, ...unsupportedByPort(row)]);
    this.#checkOwners(uuid);
    if (old && old.row.name !== row.name) this.#listener.portChanged(old.row.name);
    this.#listener.portChanged(row.name);
  }

  /**
   * As ovn-controller, which only sees Southbound, the agents hear of it when northd has deleted the Port_Binding, in a
   * moment: one change for them, not two.
   */
  #deletePort(uuid: string, old: NorthboundPort | undefined): void {
    this.#ports.delete(uuid);
    this.#problems.replace(`lsp:${uuid}`, []);
    this.#checkOwners(uuid);
    if (!old || this.#portsByName.get(old.row.name) !== old) return;
    old.gone = true;
    if (!this.#listener.isBinding(old.row.name)) this.#setNamed(old.row.name, undefined);
  }

  #setRouter(uuid: string, name: string | undefined): void {
    const message = 'logical routers are not supported yet: nothing is routed';
    const problem = { where: 'Northbound', table: 'Logical_Router', uuid, name, message };
    this.#problems.replace(`lr:${uuid}`, name === undefined ? [] : [problem]);
  }

  #portTouched(uuid: string): void {
    const port = this.#ports.get(uuid);
    if (port) this.#listener.portChanged(port.row.name);
  }

  /** A port in two switches: OVN says so on both rows; which one gets it is northd's choice. */
  #checkOwners(uuid: string): void {
    const owners = [...this.#switchesOfPort.get(uuid)];
    const name = this.#ports.get(uuid)?.row.name ?? uuid;
    const names = owners.map((owner) => this.#switches.get(owner)?.name ?? owner);
    this.#problems.replace(
      `lsp-owners:${uuid}`,
      owners.length < 2
        ? []
        : owners.map((owner, index) => ({
            where: 'Northbound',
            table: 'Logical_Switch',
            uuid: owner,
            name: names[index],
            column: 'ports',
            message: `port ${name} is in several switches (${[...names].sort().join(', ')}); ovn-northd chooses one`,
          })),
    );
  }
}

/** options:virtual-parents of a virtual port. */
export function virtualParents(port: NorthboundPort | undefined): readonly string[] {
  return port?.config.options.virtual?.parents ?? [];
}
