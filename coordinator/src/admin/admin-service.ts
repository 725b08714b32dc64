import { type ServerWritableStream, type sendUnaryData, status } from '@grpc/grpc-js';
import {
  type AdminServer,
  type DatabaseStatus,
  type DropList,
  type ListRequest,
  type ModuleList,
  type Port,
  type PortList,
  type Problem,
  type ProblemList,
  type Report,
  ReportKind,
  type Status,
  type TunnelList,
  type WatchEvent,
  type WatchRequest,
} from '@iovisor-ovn/proto';
import type { Logger } from 'pino';
import type { Coordinator } from '../coordinator.js';
import type { Database } from '../monitor/database.js';
import type { NorthboundRows, SouthboundRows } from '../monitor/rows.js';
import { AdminError } from './admin-error.js';
import { listNodes, listPorts, listSwitches, nodeOf } from './inventory.js';
import { readLogLevels, setLogLevel } from './log-level.js';
import { listNames } from './names.js';
import { nodeDetail } from './node-detail.js';
import { answerStream, sendParts } from './parts.js';
import { portDetail } from './port-detail.js';
import { collectReports, type NodeReport } from './reports.js';
import { listRouters } from './routers.js';
import { tracePacket } from './trace.js';
import { verifyNodes } from './verify.js';
import { watch } from './watch.js';

/** What iovctl asks. A standby answers too. Nothing is changed but log levels. */
export function adminService(coordinator: Coordinator, version: string, log: Logger): AdminServer {
  return {
    getStatus: (_call, reply) => answer(reply, () => statusOf(coordinator, version)),
    listNodes: (call) =>
      list(
        call,
        () =>
          filtered(
            listNodes(coordinator),
            ({ chassis }) => matches(call.request.node, chassis) && matches(call.request.name, chassis),
          ),
        (nodes) => ({ nodes }),
      ),
    listSwitches: (call) =>
      list(
        call,
        () =>
          filtered(
            listSwitches(coordinator),
            ({ name, nodes }) =>
              matches(call.request.name, name) &&
              (call.request.node === '' || nodes.includes(call.request.node)),
          ),
        (switches) => ({ switches }),
      ),
    listRouters: (call) =>
      list(
        call,
        async () =>
          filtered(
            await listRouters(coordinator, call.request.name),
            ({ gateways }) => call.request.node === '' || gateways.includes(call.request.node),
          ),
        (routers) => ({ routers }),
      ),
    listPorts: (call) =>
      listReported(
        coordinator,
        ReportKind.REPORT_PORTS,
        call,
        (reports) => wantedPorts(coordinator, call.request, reports),
        (ports, unreachableNodes): PortList => ({ ports, unreachableNodes }),
      ),
    listModules: (call) =>
      listReported(
        coordinator,
        ReportKind.REPORT_MODULES,
        call,
        (reports) =>
          each(
            reports,
            ({ modules }) => modules,
            (node, module) => matches(call.request.name, module.name) && { node, module },
          ),
        (modules, unreachableNodes): ModuleList => ({ modules, unreachableNodes }),
      ),
    listDrops: (call) =>
      listReported(
        coordinator,
        ReportKind.REPORT_DROPS,
        call,
        (reports) =>
          each(
            reports,
            ({ drops }) => drops,
            (node, drop) => matches(call.request.name, drop.port) && { node, drop },
          ),
        (drops, unreachableNodes): DropList => ({ drops, unreachableNodes }),
      ),
    listTunnels: (call) =>
      listReported(
        coordinator,
        ReportKind.REPORT_TUNNELS,
        call,
        (reports) =>
          each(
            reports,
            ({ tunnels }) => tunnels,
            (node, tunnel) => matches(call.request.name, tunnel.chassis) && { node, tunnel },
          ),
        (tunnels, unreachableNodes): TunnelList => ({ tunnels, unreachableNodes }),
      ),
    listProblems: (call) =>
      listReported(
        coordinator,
        ReportKind.REPORT_PROBLEMS,
        call,
        (reports) => wantedProblems(coordinator, call.request, reports),
        (problems, unreachableNodes): ProblemList => ({ problems, unreachableNodes }),
      ),
    listNames: (call, reply) => answer(reply, () => listNames(coordinator, call.request)),
    watch: (call) => startWatch(coordinator, call),
    getNode: (call, reply) => answer(reply, () => nodeDetail(coordinator, call.request.name)),
    getPort: (call, reply) => answer(reply, () => portDetail(coordinator, call.request)),
    verify: (call, reply) => answer(reply, () => verifyNodes(coordinator, call.request)),
    trace: (call, reply) => answer(reply, () => tracePacket(coordinator, call.request)),
    getLogLevel: (call, reply) => answer(reply, () => readLogLevels(coordinator, log, call.request)),
    setLogLevel: (call, reply) => answer(reply, () => setLogLevel(coordinator, log, call.request)),
  };
}

type Listing<Reply> = ServerWritableStream<ListRequest, Reply>;

function list<Row, Reply>(
  call: Listing<Reply>,
  rows: () => Iterable<Row> | Promise<Iterable<Row>>,
  part: (rows: Row[]) => Reply,
): Promise<void> {
  return answerStream(call, async () => sendParts(call, await rows(), part));
}

/** A list of what agents report; those that do not answer are named in its first part. */
function listReported<Row, Reply>(
  coordinator: Coordinator,
  kind: ReportKind,
  call: Listing<Reply>,
  rows: (reports: readonly NodeReport[]) => Iterable<Row>,
  part: (rows: Row[], unreachable: string[]) => Reply,
): Promise<void> {
  return answerStream(call, async () => {
    const { reports, unreachable } = await collectReports(coordinator.sessions, kind, call.request.node);
    if (unreachable.length > 0) call.write(part([], unreachable));
    await sendParts(call, rows(reports), (some: Row[]) => part(some, []));
  });
}

function* filtered<Row>(rows: Iterable<Row>, wanted: (row: Row) => boolean): Generator<Row> {
  for (const row of rows) if (wanted(row)) yield row;
}

function* each<Item, Row>(
  reports: readonly NodeReport[],
  items: (report: Report) => readonly Item[],
  row: (node: string, item: Item) => Row | false,
): Generator<Row> {
  for (const { node, report } of reports)
    for (const item of items(report)) {
      const made = row(node, item);
      if (made) yield made;
    }
}

function startWatch(coordinator: Coordinator, call: ServerWritableStream<WatchRequest, WatchEvent>): void {
  try {
    watch(coordinator.feed, call);
  } catch (error) {
    if (!(error instanceof AdminError)) throw error;
    call.emit('error', { code: error.code, details: error.message });
  }
}

async function answer<T>(reply: sendUnaryData<T>, work: () => T | Promise<T>): Promise<void> {
  try {
    reply(null, await work());
  } catch (error) {
    const code = error instanceof AdminError ? error.code : status.INTERNAL;
    reply({ code, details: (error as Error).message });
  }
}

function matches(wanted: string, value: string): boolean {
  return wanted === '' || wanted === value;
}

function statusOf(coordinator: Coordinator, version: string): Status {
  const { southbound, nbCfg } = coordinator.compiler;
  let [switches, ports, up] = [0, 0, 0];
  for (const state of southbound.switches.values()) {
    if (!southbound.isSwitch(state)) continue;
    switches++;
    ports += state.ports.size;
    for (const { row } of state.ports) if (row.up === true) up++;
  }
  return {
    version,
    leader: coordinator.leadership.held,
    nb: databaseStatus(coordinator.northbound),
    sb: databaseStatus(coordinator.southbound),
    nodesConnected: [...coordinator.sessions.all()].length,
    nodesKnown: southbound.chassis.size,
    switches,
    ports,
    portsUp: up,
    problems: coordinator.problems.size,
    nbCfg,
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

function wantedPorts(
  coordinator: Coordinator,
  { node, name }: ListRequest,
  reports: readonly NodeReport[],
): Iterable<Port> {
  return listPorts(
    coordinator,
    reports,
    (state) => matches(name, state.row.logical_port) && (node === '' || nodeOf(coordinator, state) === node),
  );
}

function* wantedProblems(
  coordinator: Coordinator,
  { node, name }: ListRequest,
  reports: readonly NodeReport[],
): Generator<Problem> {
  const wanted = (one: Problem) => matches(node, one.node) && matches(name, one.name);
  yield* filtered(coordinator.problems.all(), wanted);
  for (const { node: from, report } of reports)
    for (const problem of report.problems) {
      const own = { ...problem, node: from };
      if (wanted(own)) yield own;
    }
}
