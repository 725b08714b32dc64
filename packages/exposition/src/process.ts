import { readdirSync, readFileSync } from 'node:fs';
import { constants, monitorEventLoopDelay, PerformanceObserver, performance } from 'node:perf_hooks';
import { defineMetrics, family, single } from './definition.js';
import type { Family } from './family.js';
import { Histogram } from './histogram.js';

/** Of a process and of Node in it. Names and meanings are those that other programs use, where there are such. */
export const processMetrics = defineMetrics('', {
  process_cpu_seconds_total: { type: 'counter', help: 'Processor time used, user and system.' },
  process_resident_memory_bytes: { type: 'gauge', help: 'Resident memory.' },
  process_start_time_seconds: { type: 'gauge', help: 'When the process started, seconds since 1970.' },
  process_open_fds: { type: 'gauge', help: 'Open file descriptors.' },
  process_max_fds: { type: 'gauge', help: 'How many file descriptors may be open.' },
  nodejs_version_info: {
    type: 'gauge',
    help: 'Version of Node. Always 1.',
    labels: { version: 'as `node --version` says' },
  },
  nodejs_heap_size_used_bytes: { type: 'gauge', help: 'JavaScript heap in use.' },
  nodejs_heap_size_total_bytes: { type: 'gauge', help: 'JavaScript heap taken from the system.' },
  nodejs_external_memory_bytes: { type: 'gauge', help: 'Memory of buffers outside the JavaScript heap.' },
  nodejs_eventloop_active_seconds_total: {
    type: 'counter',
    help: 'Time in which the event loop did something: its rate is the share of time it is busy.',
  },
  nodejs_eventloop_longest_delay_seconds: {
    type: 'histogram',
    help: 'How late the event loop was at worst, within each second: what waited for it waited that long.',
  },
  nodejs_gc_duration_seconds: {
    type: 'histogram',
    help: 'Pauses of the garbage collector.',
    labels: { kind: '`minor`, `major`, `incremental` or `weakcb`' },
    series: 'four kinds',
  },
});

const WINDOW_MS = 1000;
/** How often the event loop is looked at: seldom enough to cost nothing. */
const RESOLUTION_MS = 20;

const DELAYS = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
const PAUSES = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5];

const GC_KINDS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
};

/** Measures this process from now on; make one only if somebody may ask. */
export class ProcessMetrics {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #delays = new Histogram(DELAYS);
  readonly #pauses = new Map(Object.values(GC_KINDS).map((kind) => [kind, new Histogram(PAUSES)]));
  readonly #timer: NodeJS.Timeout;
  readonly #collections: PerformanceObserver;

  constructor() {
    this.#delay.enable();
    this.#timer = setInterval(() => this.#endWindow(), WINDOW_MS).unref();
    this.#collections = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const { kind = 0 } = (entry as { detail?: { kind?: number } }).detail ?? {};
        this.#pauses.get(GC_KINDS[kind] ?? '')?.observe(entry.duration / 1000);
      }
    });
    this.#collections.observe({ entryTypes: ['gc'] });
  }

  close(): void {
    this.#delay.disable();
    clearInterval(this.#timer);
    this.#collections.disconnect();
  }

  *families(): Generator<Family> {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
    const m = processMetrics;
    yield single(m.process_cpu_seconds_total, (user + system) / 1e6);
    yield single(m.process_resident_memory_bytes, rss);
    yield single(m.process_start_time_seconds, performance.timeOrigin / 1000);
    yield single(m.process_open_fds, readdirSync('/proc/self/fd').length);
    yield single(m.process_max_fds, maxFds());
    yield family(m.nodejs_version_info, [{ labels: { version: process.version }, value: 1 }]);
    yield single(m.nodejs_heap_size_used_bytes, heapUsed);
    yield single(m.nodejs_heap_size_total_bytes, heapTotal);
    yield single(m.nodejs_external_memory_bytes, external);
    yield single(m.nodejs_eventloop_active_seconds_total, performance.eventLoopUtilization().active / 1000);
    yield family(m.nodejs_eventloop_longest_delay_seconds, this.#delays.samples());
    const pauses = [...this.#pauses].flatMap(([kind, histogram]) => [...histogram.samples({ kind })]);
    yield family(m.nodejs_gc_duration_seconds, pauses);
  }

  #endWindow(): void {
    // What is recorded is the time from one look to the next.
    this.#delays.observe(Math.max(0, this.#delay.max / 1e9 - RESOLUTION_MS / 1000));
    this.#delay.reset();
  }
}

function maxFds(): number {
  const soft = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return soft === undefined || soft === 'unlimited' ? Infinity : Number(soft);
}
