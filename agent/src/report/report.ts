import type { Problem, Query } from '@iovisor-ovn/proto';
import { Report, ReportKind } from '@iovisor-ovn/proto';
import type { Datapath } from '../datapath/index.js';
import { dropReports } from './drops.js';
import { moduleReports } from './modules.js';
import { portDetails, portReports } from './ports.js';
import { traceReport } from './trace.js';
import { tunnelReports } from './tunnels.js';
import { verifyReport } from './verify.js';

/** The answer to a Query, but for its id. */
export async function makeReport(
  query: Query,
  datapath: Datapath,
  problems: () => Problem[],
): Promise<Report> {
  const report = Report.create();
  const { kind, port } = query;
  switch (kind) {
    case ReportKind.REPORT_PORTS:
      return { ...report, ports: port === '' ? portReports(datapath) : portDetails(datapath, port) };
    case ReportKind.REPORT_MODULES:
      return { ...report, modules: moduleReports(datapath) };
    case ReportKind.REPORT_DROPS:
      return { ...report, drops: dropReports(datapath) };
    case ReportKind.REPORT_TUNNELS:
      return { ...report, tunnels: tunnelReports(datapath) };
    case ReportKind.REPORT_PROBLEMS:
      return { ...report, problems: problems() };
    case ReportKind.REPORT_VERIFY:
      return { ...report, verify: await verifyReport(datapath, query.repair) };
    case ReportKind.REPORT_TRACE:
      return { ...report, trace: await traceReport(datapath, query.trace) };
    default:
      // A kind of a later version: an empty report says that it is not known.
      return report;
  }
}
