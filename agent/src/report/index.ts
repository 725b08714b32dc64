/** What the agent tells about itself when asked. */
export { datapathProblems, ProblemClock } from './problems.js';
export { makeReport, type ReportSources } from './report.js';
export { selfReport } from './self.js';
