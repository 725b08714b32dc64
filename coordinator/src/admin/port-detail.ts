import { status } from '@grpc/grpc-js';
import type { Client } from '@iovisor-ovn/ovsdb-client';
import {
  type LogicalAddress,
  Port,
  type PortDetail,
  type PortReport,
  type PortRequest,
  type Problem,
  ReportKind,
} from '@iovisor-ovn/proto';
import type { Coordinator } from '../coordinator.js';
import type { NorthboundPort } from '../logic/northbound.js';
import type { PortState } from '../logic/southbound.js';
import { AdminError } from './admin-error.js';
import { by } from './compare.js';
import { port } from './inventory.js';
import { placeOf } from './port-place.js';
import { rowText } from './row-text.js';

/** A port as far as either database has it. */
interface Found {
  name: string;
  northbound?: NorthboundPort;
  southbound?: PortState;
}

/** One port from its Northbound row to its tap. @throws AdminError NOT_FOUND */
export async function portDetail(coordinator: Coordinator, request: PortRequest): Promise<PortDetail> {
  const found = findPort(coordinator, request.name);
  const missing: string[] = [];
  const [northbound, southbound, agent] = await Promise.all([
    row(coordinator.northbound.client, 'Logical_Switch_Port', found.northbound?.row._uuid, missing),
    row(coordinator.southbound.client, 'Port_Binding', found.southbound?.row._uuid, missing),
    askAgent(coordinator, found, request.node, missing),
  ]);
  if (!found.southbound)
    missing.push(
      'Southbound has no Port_Binding for it: ovn-northd has made none, or it is in no logical switch',
    );
  const shown = found.southbound ? port(coordinator, found.southbound) : unknownToSouthbound(found);
  const { local, node } = agent;
  return {
    port: { ...shown, node: node || shown.node, local },
    northbound,
    southbound,
    problems: [...coordinator.problems.all(), ...agent.problems]
      .filter((one) => concerns(one, found, shown, local))
      .sort(by(({ since }) => since)),
    missing,
    senders: senders(found.northbound),
    neighbourMac: neighbour(coordinator, found, request.neighbour),
  };
}

/** @throws AdminError NOT_FOUND */
export function findPort(coordinator: Coordinator, name: string): Found {
  const { northbound, southbound } = coordinator.compiler;
  const state = southbound.port(name);
  const found = {
    name,
    northbound: northbound.port(name),
    southbound: state && southbound.isSwitch(state.switch) ? state : undefined,
  };
  if (!found.northbound && !found.southbound)
    throw new AdminError(status.NOT_FOUND, `there is no logical switch port "${name}"`);
  return found;
}

function unknownToSouthbound({ name, northbound }: Found): Port {
  const { type = '', addresses = [], _uuid: uuid = '' } = northbound?.row ?? {};
  return Port.create({ name, type, addresses: [...addresses], uuid });
}

export async function row(
  client: Client,
  table: string,
  uuid: string | undefined,
  missing: string[],
): Promise<Record<string, string>> {
  if (uuid === undefined) return {};
  try {
    return (await rowText(client, table, uuid)) ?? {};
  } catch (error) {
    missing.push(`${client.database} does not answer: ${(error as Error).message}`);
    return {};
  }
}

interface AgentAnswer {
  node: string;
  local?: PortReport;
  problems: readonly Problem[];
}

async function askAgent(
  coordinator: Coordinator,
  { name, southbound }: Found,
  node: string,
  missing: string[],
): Promise<AgentAnswer> {
  if (!southbound) return { node: '', problems: [] };
  const place = placeOf(coordinator, southbound, node);
  if (!place.session) {
    missing.push(place.reason);
    return { node: place.node, problems: [] };
  }
  const { queries } = place.session;
  const [ports, problems] = await Promise.all([
    queries.ask(ReportKind.REPORT_PORTS, { port: name }),
    queries.ask(ReportKind.REPORT_PROBLEMS),
  ]);
  const local = ports?.ports.find((one) => one.name === name);
  if (!ports) missing.push(`the agent of hypervisor ${place.node} does not answer`);
  else if (!local) missing.push(`the agent of hypervisor ${place.node} does not know the port (yet)`);
  if (place.others.length > 0)
    missing.push(`the port is also on ${place.others.join(', ')}; --node shows it there`);
  const own = problems?.problems.map((one) => ({ ...one, node: place.node })) ?? [];
  return { node: place.node, local, problems: own };
}

/** Problems of its rows, its logical switch, its device. */
function concerns(
  problem: Problem,
  { name, northbound, southbound }: Found,
  { node }: Port,
  local: PortReport | undefined,
): boolean {
  const switchUuid = southbound?.switch.row?.external_ids.get('logical-switch');
  const rows = [northbound?.row._uuid, southbound?.row._uuid, switchUuid];
  if (problem.uuid !== '' && rows.includes(problem.uuid)) return true;
  if (problem.node !== '' && problem.node !== node) return false;
  const devices: readonly string[] = ['Interface', 'Port'];
  if (devices.includes(problem.table))
    return local !== undefined && local.tap !== '' && problem.name === local.tap;
  return problem.name === name;
}

/** Its port security, then its addresses; networks of port security name no one address. */
function senders(northbound: NorthboundPort | undefined): LogicalAddress[] {
  const { portSecurity = [], addresses = [] } = northbound?.config ?? {};
  // A VRRPv3 element says which MAC may speak for virtual routers, not what the machine's own addresses are.
  const own = portSecurity.filter(({ vrrp }) => vrrp.length === 0);
  return [...own, ...addresses].map((address) => ({ ...address, ips: address.ips.filter(isHost) }));
}

/** "10.0.0.5/24" of port security is the host 10.0.0.5, "10.0.0.0/24" the network. */
function isHost({ address, prefixLength }: LogicalAddress['ips'][number]): boolean {
  const bits = [...address].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return prefixLength === bits.length || bits.slice(prefixLength).includes('1');
}

/** Who of the same logical switch has the address in Northbound. */
function neighbour(coordinator: Coordinator, { southbound }: Found, wanted: Uint8Array): Buffer {
  const address = Buffer.from(wanted);
  if (address.length === 0 || !southbound) return Buffer.alloc(0);
  for (const { row: binding } of southbound.switch.ports) {
    const config = coordinator.compiler.northbound.port(binding.logical_port)?.config;
    const owner = config?.addresses.find(({ ips }) => ips.some((ip) => address.equals(ip.address)));
    if (owner) return Buffer.from(owner.mac);
  }
  return Buffer.alloc(0);
}
