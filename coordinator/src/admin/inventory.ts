import type { Node, Port, Switch } from '@iovisor-ovn/proto';
import type { Coordinator } from '../coordinator.js';
import type { ChassisState, PortState, SwitchState } from '../logic/southbound.js';
import { isOurs } from '../southbound/claims.js';
import { by, compare } from './compare.js';

/** The hypervisors, connected or only registered. */
export function listNodes(coordinator: Coordinator): Node[] {
  const { chassis } = coordinator.compiler.southbound;
  return [...chassis.values()].map((state) => node(coordinator, state)).sort(by((one) => one.chassis));
}

/** The logical switches. */
export function listSwitches(coordinator: Coordinator): Switch[] {
  const { southbound } = coordinator.compiler;
  const states = [...southbound.switches.values()].filter((state) => southbound.isSwitch(state));
  return states.map((state) => logicalSwitch(coordinator, state)).sort(by((one) => one.name));
}

/** The logical switch ports that ovn-northd knows. */
export function listPorts(coordinator: Coordinator): Port[] {
  const { southbound } = coordinator.compiler;
  const states = [...southbound.ports.values()].filter((state) => southbound.isSwitch(state.switch));
  return states
    .map((state) => port(coordinator, state))
    .sort((a, b) => compare(a.switchName, b.switchName) || compare(a.name, b.name));
}

function node(coordinator: Coordinator, { row }: ChassisState): Node {
  const { southbound } = coordinator.compiler;
  const session = coordinator.sessions.get(row.name);
  const encaps = row.encaps.map((uuid) => southbound.encap(uuid)).filter((encap) => encap !== undefined);
  const own = [...coordinator.southbound.replica.table('Chassis_Private')].find(
    (one) => one.name === row.name,
  );
  return {
    chassis: row.name,
    hostname: row.hostname,
    encaps: encaps
      .map((encap) => `${encap.type} ${encap.ip}`)
      .sort()
      .join(', '),
    connected: session !== undefined,
    kind: isOurs(row.other_config) ? 'iovisor' : 'ovn-controller',
    softwareVersion: session?.softwareVersion ?? '',
    revisionSent: BigInt(session?.revisions.sent ?? 0),
    revisionAcked: BigInt(session?.revisions.acked ?? 0),
    nbCfg: BigInt(own?.nb_cfg ?? 0),
    ports: southbound.portsOf(row._uuid).size,
    since: session?.since.toISOString() ?? '',
    address: session?.peer ?? '',
  };
}

function logicalSwitch(coordinator: Coordinator, state: SwitchState): Switch {
  const uuid = state.row?.external_ids.get('logical-switch') ?? '';
  return {
    name: switchName(coordinator, state),
    uuid,
    tunnelKey: state.row?.tunnel_key ?? 0,
    ports: state.ports.size,
    portsUp: [...state.ports].filter((one) => one.row.up === true).length,
    nodes: [...state.members.keys()].sort(),
  };
}

/** A port as Southbound has it, with what Northbound says of it. */
export function port(coordinator: Coordinator, state: PortState): Port {
  const { northbound, southbound } = coordinator.compiler;
  const { row } = state;
  const nb = northbound.port(row.logical_port)?.row;
  const chassis = row.chassis === undefined ? undefined : southbound.chassisByUuid(row.chassis)?.row.name;
  return {
    name: row.logical_port,
    switchName: switchName(coordinator, state.switch),
    type: nb?.type ?? row.type,
    node: chassis ?? '',
    up: row.up === true,
    addresses: [...(nb?.addresses ?? [])],
    local: undefined,
    tunnelKey: row.tunnel_key,
    uuid: nb?._uuid ?? '',
  };
}

function switchName(coordinator: Coordinator, state: SwitchState): string {
  const uuid = state.row?.external_ids.get('logical-switch') ?? '';
  return (
    coordinator.compiler.northbound.switches.get(uuid)?.name ?? state.row?.external_ids.get('name') ?? ''
  );
}
