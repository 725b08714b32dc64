/** What the agent tells about itself when asked. */
export { datapathProblems, ProblemClock } from './problems.js';
export { makeReport } from './report.js';
