import { performance } from 'node:perf_hooks';
import { type Family, gauge, Histogram } from '@iovisor-ovn/exposition';
import type { Problem } from '@iovisor-ovn/proto';
import type { Datapath } from '../datapath/index.js';
import { datapathFamilies } from './families.js';

/** Of the agent's rooms, what the metrics say of them. */
export interface MetricsSource {
  readonly datapath: Datapath;
  readonly ovsdbConnected: boolean;
  readonly sessionLive: boolean;
  problems(): Problem[];
  readonly version: string;
}

/** What an agent counts about itself, beside what its data plane counts. */
export class AgentMetrics {
  /** From the arrival of a commit until the maps have it. */
  readonly #apply = new Histogram([0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]);
  #commits = 0;
  #revision = 0n;

  /** Runs what applies a change, and notes how long that took. */
  async timed<T>(apply: Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await apply;
    } finally {
      this.#apply.observe((performance.now() - began) / 1000);
    }
  }

  committed(revision: bigint): void {
    this.#commits++;
    this.#revision = revision;
  }

  *families(source: MetricsSource): Generator<Family> {
    const { datapath } = source;
    yield {
      name: 'iovisor_agent_build_info',
      help: 'Version of the agent. Always 1.',
      type: 'gauge',
      samples: [{ labels: { version: source.version }, value: 1 }],
    };
    const up = (name: string, help: string, value: boolean) =>
      gauge(`iovisor_agent_${name}`, help, Number(value));
    yield up('ovsdb_connected', 'Whether the local Open_vSwitch database answers.', source.ovsdbConnected);
    yield up('session_live', 'Whether a coordinator has accepted the session.', source.sessionLive);
    yield up('datapath_synced', 'Whether the maps follow the intents of a coordinator.', datapath.synced);
    yield gauge('iovisor_agent_revision', 'Revision of the session that was applied last.', this.#revision);
    yield {
      name: 'iovisor_agent_commits_total',
      help: 'Commits applied.',
      type: 'counter',
      samples: [{ value: this.#commits }],
    };
    yield {
      name: 'iovisor_agent_apply_seconds',
      help: 'From the arrival of a commit until the maps of the data plane have it.',
      type: 'histogram',
      samples: this.#apply.samples(),
    };
    yield gauge(
      'iovisor_agent_problems',
      'What iovctl problems lists of this node.',
      source.problems().length,
    );
    yield gauge('iovisor_agent_resident_memory_bytes', 'Resident memory.', process.memoryUsage.rss());
    yield* datapathFamilies(datapath);
  }
}
