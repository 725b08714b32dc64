/** One line of a family: `name[suffix]{labels} value`. */
export interface Sample {
  labels?: Readonly<Record<string, string>>;
  value: number | bigint;
  /** `_bucket`, `_sum`, `_count` of a histogram. */
  suffix?: string;
}

/** All series of one name (Prometheus, Exposition formats). `samples` may be a generator that reads values as it goes. */
export interface Family {
  /** With unit and, for counters, `_total` at its end (Prometheus, Metric and label naming). */
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  samples: Iterable<Sample>;
}

/** A family with one series. */
export function gauge(name: string, help: string, value: number | bigint): Family {
  return { name, help, type: 'gauge', samples: [{ value }] };
}

/** A family with one series. */
export function counter(name: string, help: string, value: number | bigint): Family {
  return { name, help, type: 'counter', samples: [{ value }] };
}
