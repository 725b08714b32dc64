import type { Report, ReportKind } from '@iovisor-ovn/proto';
import type { AgentSession } from '../session/agent-session.js';
import type { Ask } from '../session/queries.js';
import type { Sessions } from '../session/sessions.js';
import { compare } from './compare.js';

export interface NodeReport {
  node: string;
  report: Report;
}

/** Asks the agents (all, or the one on `node`) for a report; those that do not answer in time are named. */
export async function collectReports(
  sessions: Sessions,
  kind: ReportKind,
  node: string,
  ask: Ask = {},
): Promise<{ reports: NodeReport[]; unreachable: string[] }> {
  const asked: AgentSession[] = [...sessions.all()].filter((session) => node === '' || session.name === node);
  const answers = await Promise.all(asked.map((session) => session.queries.ask(kind, ask)));
  const reports: NodeReport[] = [];
  const unreachable: string[] = [];
  asked.forEach((session, index) => {
    const report = answers[index];
    if (report) reports.push({ node: session.name, report });
    else unreachable.push(session.name);
  });
  reports.sort((a, b) => compare(a.node, b.node));
  unreachable.sort();
  if (node !== '' && asked.length === 0) unreachable.push(node);
  return { reports, unreachable };
}
