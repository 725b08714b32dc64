import type { Node, Port, PortReport, Switch } from '@iovisor-ovn/proto';
import type { Coordinator } from '../coordinator.js';
import type { ChassisState, PortState, SwitchState } from '../logic/southbound.js';
import { isOurs } from '../southbound/claims.js';
import type { NodeReport } from './reports.js';

/** The hypervisors, connected or only registered; made one by one. */
export function* listNodes(coordinator: Coordinator): Generator<Node> {
  const numbers = new Map<string, number | bigint>();
  for (const { name, nb_cfg } of coordinator.southbound.replica.table('Chassis_Private'))
    numbers.set(name, nb_cfg);
  for (const state of coordinator.compiler.southbound.chassis.values())
    yield node(coordinator, state, numbers.get(state.row.name) ?? 0);
}

/** The logical switches; made one by one. */
export function* listSwitches(coordinator: Coordinator): Generator<Switch> {
  const { southbound } = coordinator.compiler;
  for (const state of southbound.switches.values())
    if (southbound.isSwitch(state)) yield logicalSwitch(coordinator, state);
}

/**
 * The logical switch ports that ovn-northd knows; made one by one.
 * @param reports what agents say of theirs
 */
export function* listPorts(
  coordinator: Coordinator,
  reports: readonly NodeReport[],
  wanted: (port: PortState) => boolean,
): Generator<Port> {
  const { southbound } = coordinator.compiler;
  const local = new LocalPorts(reports);
  for (const state of southbound.ports.values()) {
    if (!southbound.isSwitch(state.switch) || !wanted(state)) continue;
    const made = port(coordinator, state);
    yield { ...made, local: local.get(made.node, made.name) };
  }
}

/** What agents say of their ports, indexed for one agent after the other when it is first needed. */
class LocalPorts {
  readonly #reports: ReadonlyMap<string, NodeReport>;
  readonly #indexes = new Map<string, Map<string, PortReport>>();

  constructor(reports: readonly NodeReport[]) {
    this.#reports = new Map(reports.map((one) => [one.node, one]));
  }

  get(node: string, name: string): PortReport | undefined {
    if (node === '') return undefined;
    let index = this.#indexes.get(node);
    if (!index) {
      index = new Map(this.#reports.get(node)?.report.ports.map((one) => [one.name, one]));
      this.#indexes.set(node, index);
    }
    return index.get(name);
  }
}

/** A hypervisor as Southbound has it, with its session. @param nbCfg of its Chassis_Private row */
export function node(coordinator: Coordinator, { row }: ChassisState, nbCfg: number | bigint): Node {
  const { southbound } = coordinator.compiler;
  const session = coordinator.sessions.get(row.name);
  const encaps = row.encaps.map((uuid) => southbound.encap(uuid)).filter((encap) => encap !== undefined);
  let ports = 0;
  // Those that it only may have to serve are among its ports, too.
  for (const { bound } of southbound.portsOf(row._uuid)) if (bound.includes(row.name)) ports++;
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
    nbCfg: BigInt(nbCfg),
    ports,
    since: session?.since.toISOString() ?? '',
    address: session?.peer ?? '',
  };
}

function logicalSwitch(coordinator: Coordinator, state: SwitchState): Switch {
  const uuid = state.row?.external_ids.get('logical-switch') ?? '';
  let up = 0;
  for (const { row } of state.ports) if (row.up === true) up++;
  return {
    name: switchName(coordinator, state),
    uuid,
    tunnelKey: state.row?.tunnel_key ?? 0,
    ports: state.ports.size,
    portsUp: up,
    nodes: [...state.members.keys()].sort(),
  };
}

/** Name of the chassis that has the port; empty: none. */
export function nodeOf(coordinator: Coordinator, { row }: PortState): string {
  if (row.chassis === undefined) return '';
  return coordinator.compiler.southbound.chassisByUuid(row.chassis)?.row.name ?? '';
}

/** A port as Southbound has it, with what Northbound says of it. */
export function port(coordinator: Coordinator, state: PortState): Port {
  const { row } = state;
  const nb = coordinator.compiler.northbound.port(row.logical_port)?.row;
  const type = nb?.type ?? row.type;
  return {
    name: row.logical_port,
    switchName: switchName(coordinator, state.switch),
    type,
    node: nodeOf(coordinator, state),
    up: row.up === true,
    addresses: [...(nb?.addresses ?? [])],
    local: undefined,
    tunnelKey: row.tunnel_key,
    uuid: nb?._uuid ?? '',
    peer: type === 'router' ? (nb?.options?.get('router-port') ?? '') : '',
  };
}

/** Name of the Logical_Switch, or what northd noted of it. */
export function switchName(coordinator: Coordinator, state: SwitchState): string {
  const uuid = state.row?.external_ids.get('logical-switch') ?? '';
  return (
    coordinator.compiler.northbound.switches.get(uuid)?.name ?? state.row?.external_ids.get('name') ?? ''
  );
}
