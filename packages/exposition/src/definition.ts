import type { Family, Sample } from './family.js';

/** What there is to say of a metric before it has a value: from this its family is made and its documentation written. */
export interface MetricDefinition {
  /** With unit and, for counters, `_total` at its end (Prometheus, Metric and label naming). */
  readonly name: string;
  readonly type: Family['type'];
  readonly help: string;
  /** Meaning of each label. */
  readonly labels?: Readonly<Record<string, string>>;
  /** What bounds the number of series: "one a chassis". Absent: there is one. */
  readonly series?: string;
}

/** Definitions by the part of their names behind the prefix. */
export type Definitions<K extends string> = Readonly<Record<K, MetricDefinition>>;

/** Puts `prefix` before each name. */
export function defineMetrics<K extends string>(
  prefix: string,
  metrics: Readonly<Record<K, Omit<MetricDefinition, 'name'>>>,
): Definitions<K> {
  const entries = Object.entries<Omit<MetricDefinition, 'name'>>(metrics);
  return Object.fromEntries(
    entries.map(([name, rest]) => [name, { name: `${prefix}${name}`, ...rest }]),
  ) as Record<K, MetricDefinition>;
}

/** A defined metric with its series. */
export function family({ name, help, type }: MetricDefinition, samples: Iterable<Sample>): Family {
  return { name, help, type, samples };
}

/** A defined metric with one series. */
export function single(definition: MetricDefinition, value: number | bigint | boolean): Family {
  return family(definition, [{ value: typeof value === 'boolean' ? Number(value) : value }]);
}
