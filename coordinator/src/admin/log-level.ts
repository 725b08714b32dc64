import { status } from '@grpc/grpc-js';
import { logLevels } from '@iovisor-ovn/log/levels';
import {
  type LogLevelList,
  type LogLevelRequest,
  ReportKind,
  type SetLogLevelRequest,
} from '@iovisor-ovn/proto';
import type { Logger } from 'pino';
import type { Coordinator } from '../coordinator.js';
import { AdminError } from './admin-error.js';
import { away } from './port-place.js';
import { collectReports } from './reports.js';

/** How the coordinator is called among chassis. */
const self = 'coordinator';

/** What the coordinator and agents log now. @throws AdminError NOT_FOUND, FAILED_PRECONDITION */
export async function readLogLevels(
  coordinator: Coordinator,
  log: Pick<Logger, 'level'>,
  { node }: LogLevelRequest,
): Promise<LogLevelList> {
  const own = { node: self, level: log.level };
  if (node === self) return { levels: [own], unreachableNodes: [] };
  if (node !== '') checkNode(coordinator, node);
  const { reports, unreachable } = await collectReports(
    coordinator.sessions,
    ReportKind.REPORT_LOG_LEVEL,
    node,
  );
  const levels = reports.map((one) => ({ node: one.node, level: one.report.logLevel }));
  return { levels: node === '' ? [own, ...levels] : levels, unreachableNodes: unreachable };
}

/** @throws AdminError INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION */
export async function setLogLevel(
  coordinator: Coordinator,
  log: Pick<Logger, 'level' | 'warn'>,
  { node, level }: SetLogLevelRequest,
): Promise<LogLevelList> {
  if (!(logLevels as readonly string[]).includes(level))
    throw new AdminError(
      status.INVALID_ARGUMENT,
      `there is no log level "${level}"; there are ${logLevels.join(', ')}`,
    );
  if (node === self) {
    const before = log.level;
    log.level = level;
    if (before !== level) log.warn({ before, level }, 'the log level was changed');
    return { levels: [{ node: self, level }], unreachableNodes: [] };
  }
  const { queries } = checkNode(coordinator, node);
  const report = await queries.ask(ReportKind.REPORT_LOG_LEVEL, { logLevel: level });
  if (!report) return { levels: [], unreachableNodes: [node] };
  if (report.logLevel !== level)
    throw new AdminError(
      status.FAILED_PRECONDITION,
      `the agent of ${node} is of a release that does not change its log level; restart it with --log-level ${level}`,
    );
  return { levels: [{ node, level }], unreachableNodes: [] };
}

function checkNode(coordinator: Coordinator, node: string) {
  if (!coordinator.compiler.southbound.chassis.has(node))
    throw new AdminError(status.NOT_FOUND, `there is no hypervisor "${node}" in Southbound`);
  const session = coordinator.sessions.get(node);
  if (!session) throw new AdminError(status.FAILED_PRECONDITION, away(coordinator, node));
  return session;
}
