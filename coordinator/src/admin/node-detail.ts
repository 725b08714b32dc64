import { status } from '@grpc/grpc-js';
import { type NodeDetail, ReportKind } from '@iovisor-ovn/proto';
import type { Coordinator } from '../coordinator.js';
import type { ChassisState } from '../logic/southbound.js';
import { AdminError } from './admin-error.js';
import { by } from './compare.js';
import { node, port, switchName } from './inventory.js';
import { row } from './port-detail.js';
import { away } from './port-place.js';

/** One hypervisor from its Southbound rows to its IOModules. @throws AdminError NOT_FOUND */
export async function nodeDetail(coordinator: Coordinator, name: string): Promise<NodeDetail> {
  const { southbound } = coordinator.compiler;
  const state = southbound.chassis.get(name);
  if (!state) throw new AdminError(status.NOT_FOUND, `there is no hypervisor "${name}" in Southbound`);
  const own = [...coordinator.southbound.replica.table('Chassis_Private')].find((one) => one.name === name);
  const missing: string[] = [];
  const { client } = coordinator.southbound;
  const [chassis, chassisPrivate, agent] = await Promise.all([
    row(client, 'Chassis', state.row._uuid, missing),
    row(client, 'Chassis_Private', own?._uuid, missing),
    askAgent(coordinator, name, missing),
  ]);
  const about = [...coordinator.problems.all()].filter(
    (one) => one.node === name || (one.uuid !== '' && one.uuid === state.row._uuid),
  );
  const local = new Map(agent.ports.map((one) => [one.name, one]));
  return {
    node: node(coordinator, state, own?.nb_cfg ?? 0),
    chassis,
    chassisPrivate,
    encaps: encapsOf(coordinator, state),
    ports: [...southbound.portsOf(state.row._uuid)]
      .filter((one) => southbound.isSwitch(one.switch) && one.bound.includes(name))
      .map((one) => ({ ...port(coordinator, one), local: local.get(one.row.logical_port) }))
      .sort(by((one) => one.name)),
    switches: [...southbound.switchesOf(name)].map((one) => switchName(coordinator, one)).sort(),
    agent: agent.self,
    modules: agent.modules,
    drops: agent.drops,
    tunnels: agent.tunnels,
    problems: [...about, ...agent.problems.map((one) => ({ ...one, node: name }))].sort(
      by(({ since }) => since),
    ),
    missing,
  };
}

async function askAgent(coordinator: Coordinator, name: string, missing: string[]) {
  const queries = coordinator.sessions.get(name)?.queries;
  if (!queries) missing.push(away(coordinator, name));
  const ask = (kind: ReportKind) => queries?.ask(kind);
  const [self, ports, modules, drops, tunnels, problems] = await Promise.all([
    ask(ReportKind.REPORT_AGENT),
    ask(ReportKind.REPORT_PORTS),
    ask(ReportKind.REPORT_MODULES),
    ask(ReportKind.REPORT_DROPS),
    ask(ReportKind.REPORT_TUNNELS),
    ask(ReportKind.REPORT_PROBLEMS),
  ]);
  const silent = [self, ports, modules, drops, tunnels, problems].some((one) => one === undefined);
  if (queries && silent) missing.push(`the agent of hypervisor ${name} does not answer (everything)`);
  else if (queries && !self?.agent)
    missing.push(`the agent of hypervisor ${name} is of a release that does not tell of itself`);
  return {
    self: self?.agent,
    ports: ports?.ports ?? [],
    modules: [...(modules?.modules ?? [])].sort(by((one) => one.name)),
    drops: [...(drops?.drops ?? [])].sort(by((one) => `${one.port}\0${one.reason}`)),
    tunnels: [...(tunnels?.tunnels ?? [])].sort(by((one) => one.chassis)),
    problems: problems?.problems ?? [],
  };
}

function encapsOf(coordinator: Coordinator, { row: chassis }: ChassisState) {
  return chassis.encaps
    .map((uuid) => coordinator.compiler.southbound.encap(uuid))
    .filter((encap) => encap !== undefined)
    .map(({ type, ip, options }) => ({ type, ip, options: Object.fromEntries(options) }))
    .sort(by(({ type, ip }) => `${type} ${ip}`));
}
