/** What reads files that people write. */
export { Failure } from '../cli/failure.js';
export { planTopology } from '../cli/topology/plan.js';
export { readTopology } from '../cli/topology/topology-file.js';
export { readCoordinatorConfig } from '../config/coordinator-config.js';
export { UsageError } from '../config/settings.js';
