import type { Problem } from '@iovisor-ovn/proto';
import { Report, ReportKind } from '@iovisor-ovn/proto';
import type { Datapath } from '../datapath/index.js';
import { dropReports } from './drops.js';
import { moduleReports } from './modules.js';
import { portReports } from './ports.js';
import { tunnelReports } from './tunnels.js';

/** The answer to a Query, but for its id. */
export function makeReport(kind: ReportKind, datapath: Datapath, problems: () => Problem[]): Report {
  const report = Report.create();
  switch (kind) {
    case ReportKind.REPORT_PORTS:
      return { ...report, ports: portReports(datapath) };
    case ReportKind.REPORT_MODULES:
      return { ...report, modules: moduleReports(datapath) };
    case ReportKind.REPORT_DROPS:
      return { ...report, drops: dropReports(datapath) };
    case ReportKind.REPORT_TUNNELS:
      return { ...report, tunnels: tunnelReports(datapath) };
    case ReportKind.REPORT_PROBLEMS:
      return { ...report, problems: problems() };
    case ReportKind.REPORT_TRACE:
    case ReportKind.REPORT_KIND_UNSPECIFIED:
      return report;
  }
}
