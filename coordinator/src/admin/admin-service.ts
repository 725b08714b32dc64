import { type sendUnaryData, status } from '@grpc/grpc-js';
import {
  type AdminServer,
  type DatabaseStatus,
  type ListRequest,
  type PortList,
  type ProblemList,
  ReportKind,
  type Status,
} from '@iovisor-ovn/proto';
import type { Coordinator } from '../coordinator.js';
import type { Database } from '../monitor/database.js';
import type { NorthboundRows, SouthboundRows } from '../monitor/rows.js';
import { AdminError } from './admin-error.js';
import { by } from './compare.js';
import { listNodes, listPorts, listSwitches } from './inventory.js';
import { portDetail } from './port-detail.js';
import { collectReports } from './reports.js';
import { tracePacket } from './trace.js';
import { verifyNodes } from './verify.js';

/** What iovctl asks. Reads only; a standby answers too. */
export function adminService(coordinator: Coordinator, version: string): AdminServer {
  return {
    getStatus: (_call, reply) => answer(reply, () => statusOf(coordinator, version)),
    listNodes: (call, reply) =>
      answer(reply, () => ({
        nodes: listNodes(coordinator).filter((one) => matches(call.request.node, one.chassis)),
      })),
    listSwitches: (call, reply) =>
      answer(reply, () => ({
        switches: listSwitches(coordinator).filter((one) => matches(call.request.name, one.name)),
      })),
    listPorts: (call, reply) => answer(reply, () => ports(coordinator, call.request)),
    listModules: (call, reply) =>
      answer(reply, async () => {
        const { reports, unreachable } = await ask(coordinator, ReportKind.REPORT_MODULES, call.request);
        const modules = reports.flatMap(({ node, report }) =>
          [...report.modules].sort(by((one) => one.name)).map((module) => ({ node, module })),
        );
        return {
          modules: modules.filter(({ module }) => matches(call.request.name, module.name)),
          unreachableNodes: unreachable,
        };
      }),
    listDrops: (call, reply) =>
      answer(reply, async () => {
        const { reports, unreachable } = await ask(coordinator, ReportKind.REPORT_DROPS, call.request);
        const drops = reports.flatMap(({ node, report }) =>
          [...report.drops].sort(by((one) => `${one.port}\0${one.reason}`)).map((drop) => ({ node, drop })),
        );
        return {
          drops: drops.filter(({ drop }) => matches(call.request.name, drop.port)),
          unreachableNodes: unreachable,
        };
      }),
    listTunnels: (call, reply) =>
      answer(reply, async () => {
        const { reports, unreachable } = await ask(coordinator, ReportKind.REPORT_TUNNELS, call.request);
        const tunnels = reports.flatMap(({ node, report }) =>
          [...report.tunnels].sort(by((one) => one.chassis)).map((tunnel) => ({ node, tunnel })),
        );
        return {
          tunnels: tunnels.filter(({ tunnel }) => matches(call.request.name, tunnel.chassis)),
          unreachableNodes: unreachable,
        };
      }),
    listProblems: (call, reply) => answer(reply, () => problems(coordinator, call.request)),
    getPort: (call, reply) => answer(reply, () => portDetail(coordinator, call.request)),
    verify: (call, reply) => answer(reply, () => verifyNodes(coordinator, call.request)),
    trace: (call, reply) => answer(reply, () => tracePacket(coordinator, call.request)),
  };
}

async function answer<T>(reply: sendUnaryData<T>, work: () => T | Promise<T>): Promise<void> {
  try {
    reply(null, await work());
  } catch (error) {
    const code = error instanceof AdminError ? error.code : status.INTERNAL;
    reply({ code, details: (error as Error).message });
  }
}

function ask(coordinator: Coordinator, kind: ReportKind, request: ListRequest) {
  return collectReports(coordinator.sessions, kind, request.node);
}

function matches(wanted: string, value: string): boolean {
  return wanted === '' || wanted === value;
}

function statusOf(coordinator: Coordinator, version: string): Status {
  const { southbound, nbCfg } = coordinator.compiler;
  const switches = [...southbound.switches.values()].filter((state) => southbound.isSwitch(state));
  const up = switches.flatMap((state) => [...state.ports]).filter((port) => port.row.up === true);
  return {
    version,
    leader: coordinator.leadership.held,
    nb: databaseStatus(coordinator.northbound),
    sb: databaseStatus(coordinator.southbound),
    nodesConnected: [...coordinator.sessions.all()].length,
    nodesKnown: southbound.chassis.size,
    switches: switches.length,
    ports: switches.reduce((sum, state) => sum + state.ports.size, 0),
    portsUp: up.length,
    problems: coordinator.problems.size,
    nbCfg: BigInt(nbCfg),
    uptimeSeconds: BigInt(Math.floor(process.uptime())),
    memoryBytes: BigInt(process.memoryUsage.rss()),
  };
}

function databaseStatus(database: Database<NorthboundRows> | Database<SouthboundRows>): DatabaseStatus {
  return {
    connected: database.synced,
    remote: database.client.remote ?? database.remotes,
    schemaVersion: database.client.schema?.version ?? '',
    rows: BigInt(database.rows),
  };
}

async function ports(coordinator: Coordinator, request: ListRequest): Promise<PortList> {
  const { reports, unreachable } = await ask(coordinator, ReportKind.REPORT_PORTS, request);
  const local = new Map(
    reports.flatMap(({ node, report }) =>
      report.ports.map((port) => [`${node} ${port.name}`, port] as const),
    ),
  );
  const wanted = listPorts(coordinator).filter(
    (port) => matches(request.node, port.node) && matches(request.name, port.name),
  );
  for (const port of wanted) port.local = local.get(`${port.node} ${port.name}`);
  return { ports: wanted, unreachableNodes: unreachable };
}

async function problems(coordinator: Coordinator, request: ListRequest): Promise<ProblemList> {
  const { reports, unreachable } = await ask(coordinator, ReportKind.REPORT_PROBLEMS, request);
  const local = reports.flatMap(({ node, report }) =>
    report.problems.map((problem) => ({ ...problem, node })),
  );
  const all = [...coordinator.problems.list(), ...local].filter(
    (problem) => matches(request.node, problem.node) && matches(request.name, problem.name),
  );
  return { problems: all, unreachableNodes: unreachable };
}
