import { join } from 'node:path';
import { checkout } from '../lab/index.js';

/** As packages/exposition defines it. */
export interface MetricDefinition {
  name: string;
  type: 'counter' | 'gauge' | 'histogram';
  help: string;
  labels?: Record<string, string>;
}

const load = async <T>(file: string): Promise<T> => (await import(join(checkout, file))) as T;

/** Every metric that coordinator and agent can have, by name. */
export async function allMetrics(): Promise<Map<string, MetricDefinition>> {
  const { agentMetricDefinitions } = await load<{ agentMetricDefinitions: MetricDefinition[] }>(
    'agent/dist/metrics/definitions.js',
  );
  const { coordinatorMetricDefinitions } = await load<{ coordinatorMetricDefinitions: MetricDefinition[] }>(
    'coordinator/dist/metrics/definitions.js',
  );
  return new Map([...agentMetricDefinitions, ...coordinatorMetricDefinitions].map((one) => [one.name, one]));
}

/** The definition behind the name of a series: those of a histogram have a suffix. */
export function definitionOf(
  series: string,
  metrics: ReadonlyMap<string, MetricDefinition>,
): MetricDefinition | undefined {
  const histogram = metrics.get(series.replace(/_(bucket|sum|count)$/, ''));
  if (histogram?.type === 'histogram') return histogram.name === series ? undefined : histogram;
  return metrics.get(series);
}
