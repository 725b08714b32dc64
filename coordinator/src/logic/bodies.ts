import {
  type Encap,
  type LearnedMac,
  LogicalPort,
  type LogicalSwitch,
  type RemoteChassis,
  type VirtualAddress,
} from '@iovisor-ovn/proto';
import type { FdbRow } from '../monitor/rows.js';
import { macBytes } from './addresses.js';
import { defaultTableSize, isSet, multicastGroups, querierOf } from './multicast.js';
import type { Northbound, NorthboundPort } from './northbound.js';
import {
  bindingOf,
  type ChassisState,
  type PortState,
  type PortView,
  type Southbound,
  type SwitchState,
} from './southbound.js';

/** The intent for a switch. The groups that follow from its ports carry no members. */
export function switchBody(state: SwitchState, northbound: Northbound): LogicalSwitch {
  const nbUuid = state.row?.external_ids.get('logical-switch') ?? '';
  const row = northbound.switches.get(nbUuid);
  return {
    name: row?.name ?? state.row?.external_ids.get('name') ?? '',
    nbUuid,
    tunnelKey: state.row?.tunnel_key ?? 0,
    groups: multicastGroups(state.groups.values(), state.multicast?.table_size ?? defaultTableSize),
    vlanPassthru: row?.other_config?.get('vlan-passthru') === 'true',
    mcastSnoop: isSet(row?.other_config, 'mcast_snoop'),
    mcastFloodUnregistered: isSet(row?.other_config, 'mcast_flood_unregistered'),
    querier: querierOf(state.multicast),
  };
}

/** The intent for a port as a chassis with this view of it gets it. */
export function portBody(
  port: PortState,
  view: PortView,
  northbound: Northbound,
  southbound: Southbound,
): LogicalPort {
  const { row } = port;
  const nb = northbound.port(row.logical_port);
  const config = nb?.config;
  const type = nb?.row.type ?? row.type;
  const { chassis } = bindingOf(port);
  const main = chassis === undefined ? undefined : southbound.chassisByUuid(chassis)?.row.name;
  const local = view !== 'remote';
  return LogicalPort.create({
    name: row.logical_port,
    nbUuid: nb?.row._uuid ?? '',
    switchId: row.datapath,
    tunnelKey: row.tunnel_key,
    type,
    chassis: main ?? '',
    additionalChassis: port.bound.filter((name) => name !== main),
    local,
    enabled: nb?.row.enabled !== false,
    up: northbound.ignoreLspDown || isUp(port, type),
    addresses: [...(config?.addresses ?? [])],
    unknown: config?.unknown ?? false,
    portSecurity: local ? [...(config?.portSecurity ?? [])] : [],
    portSecurityEnabled: (nb?.row.port_security.length ?? 0) > 0,
    failClosed: local ? failClosed(nb, northbound) : '',
    parent: local ? (row.parent_port ?? '') : '',
    tag: row.tag ?? 0,
    tagEthertype: row.tag === undefined ? 0 : (config?.options.tagEthertype ?? 0),
    network: config?.options.network ?? '',
    learn: config?.learn ?? false,
    virtualAddresses: local ? virtualAddresses(port, northbound, southbound) : [],
    qosMaxRate: local ? (config?.options.qosMaxRate ?? 0n) : 0n,
    qosBurst: local ? (config?.options.qosBurst ?? 0n) : 0n,
    awaitsRarp: view === 'waiting',
  });
}

/** Localports are never bound, and router ports are everywhere: northd has both answered for at all times. */
function isUp(port: PortState, type: string): boolean {
  if (type === 'localport' || type === 'router') return true;
  return bindingOf(port).chassis !== undefined && port.row.up !== false;
}

/** Addresses of virtual ports of the same switch that name this one as a parent. */
function virtualAddresses(port: PortState, northbound: Northbound, southbound: Southbound): VirtualAddress[] {
  const found: VirtualAddress[] = [];
  for (const { row, config } of northbound.virtualsOf(port.row.logical_port)) {
    const binding = southbound.port(row.name);
    const { virtual } = config.options;
    if (virtual && binding?.switch === port.switch) found.push({ portId: binding.row._uuid, ip: virtual.ip });
  }
  return found.sort((a, b) => (a.portId < b.portId ? -1 : 1));
}

/** The intent for a learned MAC; undefined when the row's address is none. */
export function macBody(row: FdbRow, state: SwitchState): LearnedMac | undefined {
  const mac = macBytes(row.mac);
  return mac && { switchId: state.uuid, mac, portKey: row.port_key };
}

function failClosed(port: NorthboundPort | undefined, northbound: Northbound): string {
  if (!port || port.gone) return 'no Logical_Switch_Port row in Northbound';
  return northbound.failClosed(port.row._uuid);
}

const preference = ['geneve', 'vxlan'];

/** The intent for another hypervisor. Encapsulations this product does not know are left out. */
export function chassisBody(state: ChassisState, southbound: Southbound): RemoteChassis {
  const encaps: Encap[] = state.row.encaps
    .map((uuid) => southbound.encap(uuid))
    .filter((row) => row !== undefined && preference.includes(row.type))
    .map((row) => ({ type: row!.type, ip: row!.ip, csum: row!.options.get('csum') === 'true' }))
    .sort(
      (a, b) =>
        preference.indexOf(a.type) - preference.indexOf(b.type) || (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : 0),
    );
  return { name: state.row.name, hostname: state.row.hostname, encaps };
}
