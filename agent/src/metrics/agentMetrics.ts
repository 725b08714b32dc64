import { performance } from 'node:perf_hooks';
import {
  CertificateExpiry,
  type Family,
  family,
  Histogram,
  ProcessMetrics,
  type Sample,
  single,
} from '@iovisor-ovn/exposition';
import type { Commit, Problem } from '@iovisor-ovn/proto';
import type { Datapath } from '../datapath/index.js';
import type { HoverGraph } from '../hover/graph/index.js';
import { agentMetrics } from './definitions.js';
import { datapathFamilies } from './families.js';
import { PortSeries } from './ports.js';

/** Of the agent's rooms, what the metrics say of them. */
export interface MetricsSource {
  readonly datapath: Datapath;
  readonly ovsdbConnected: boolean;
  readonly sessionLive: boolean;
  problems(): Problem[];
  /** Undefined: there is no Hover API. */
  readonly hover: Pick<HoverGraph, 'modules' | 'drops'> | undefined;
  readonly version: string;
  /** Files with certificates, by the option that names them. */
  readonly certificateFiles: Readonly<Record<string, string | undefined>>;
}

const LATENCIES = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** What an agent counts about itself, beside what its data plane counts. */
export class AgentMetrics {
  readonly #apply = new Histogram(LATENCIES);
  readonly #intent = new Histogram(LATENCIES);
  readonly #certificates = new CertificateExpiry();
  readonly #ports: PortSeries;
  /** Measures from the first scrape on: who is not asked measures nothing. */
  #process: ProcessMetrics | undefined;
  #commits = 0;
  #resyncs = 0;
  #revision = 0n;
  #nbCfg = 0n;
  #ovsdbConnects = 0;
  #sessions = 0;
  #sessionFailures = 0;

  /** @param portLimit how many ports have series of their own */
  constructor(portLimit: number) {
    this.#ports = new PortSeries(portLimit);
  }

  /**
   * Runs what applies a change, and notes how long that took.
   * @param since when the first of it arrived, as performance.now() says
   */
  async timed<T>(apply: Promise<T>, since: number): Promise<T> {
    const began = performance.now();
    try {
      return await apply;
    } finally {
      const now = performance.now();
      this.#apply.observe((now - began) / 1000);
      this.#intent.observe((now - since) / 1000);
    }
  }

  committed({ revision, nbCfg, full }: Commit): void {
    this.#commits++;
    if (full) this.#resyncs++;
    this.#revision = revision;
    this.#nbCfg = nbCfg;
  }

  ovsdbConnected(): void {
    this.#ovsdbConnects++;
  }

  sessionBegun(): void {
    this.#sessions++;
  }

  sessionEnded(): void {
    this.#sessionFailures++;
  }

  close(): void {
    this.#process?.close();
  }

  *families(source: MetricsSource): Generator<Family> {
    const { datapath } = source;
    const m = agentMetrics;
    this.#process ??= new ProcessMetrics();
    yield family(m.build_info, [{ labels: { version: source.version }, value: 1 }]);
    yield single(m.ovsdb_connected, source.ovsdbConnected);
    yield single(m.ovsdb_connects_total, this.#ovsdbConnects);
    yield single(m.session_live, source.sessionLive);
    yield single(m.sessions_total, this.#sessions);
    yield single(m.session_failures_total, this.#sessionFailures);
    yield single(m.resyncs_total, this.#resyncs);
    yield single(m.datapath_synced, datapath.synced);
    yield single(m.revision, this.#revision);
    yield single(m.nb_cfg, this.#nbCfg);
    yield single(m.commits_total, this.#commits);
    yield family(m.apply_seconds, this.#apply.samples());
    yield family(m.intent_seconds, this.#intent.samples());
    yield family(m.problems, problemSamples(source.problems()));
    const certificates = this.#certificates.samples(source.certificateFiles);
    yield family(m.certificate_expiry_timestamp_seconds, certificates);
    yield* datapathFamilies(datapath);
    yield* this.#ports.families(datapath);
    yield single(m.hover_modules, source.hover?.modules.size ?? 0);
    yield family(m.hover_dropped_packets_total, hoverDrops(source.hover?.drops() ?? new Map()));
    yield* this.#process.families();
  }
}

function hoverDrops(drops: ReadonlyMap<string, bigint>): Sample[] {
  return [...drops].map(([reason, value]) => ({ labels: { reason }, value }));
}

function problemSamples(problems: readonly Problem[]): Sample[] {
  // One series is always there, so that an alert sees a count that rises from 0.
  const counts = new Map([['', 0]]);
  for (const { table } of problems) counts.set(table, (counts.get(table) ?? 0) + 1);
  return [...counts].map(([table, value]) => ({ labels: { table }, value }));
}
