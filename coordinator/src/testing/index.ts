export { Central, type CentralOptions, type CentralServer, startCentral } from './central.js';
export { Cluster, ClusterMember, type MemberStatus } from './cluster.js';
export { Daemon, type DaemonOptions } from './daemon.js';
export { HealthWatch, type ServingStatus, waitHealthy } from './health.js';
export {
  Failure,
  planTopology,
  readCoordinatorConfig,
  readTopology,
  UsageError,
} from './parsers.js';
export {
  CoordinatorProcess,
  type CoordinatorProcessOptions,
  coordinatorBin,
  iovctlBin,
  startCoordinator,
} from './process.js';
export { scrape } from './scrape.js';
export { ScriptedAgent, type ScriptedAgentOptions } from './scripted-agent.js';
