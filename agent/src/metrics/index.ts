/** Prometheus metrics of the agent and its data plane. */
export { AgentMetrics, type MetricsSource } from './agentMetrics.js';
