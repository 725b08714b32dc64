import type { Cloud } from '../cloud/cloud.js';
import { addCommands, type Port } from '../cloud/ports.js';
import { median, quantile } from '../stats.js';

/** One `ovn-nbctl --wait=hv lsp-add …`. */
export interface Sample {
  /** From its start to its end, ms. */
  totalMs: number;
  /**
   * From northd's commit to the Southbound DB until the last hypervisor says that it has it: NB_Global's hv_cfg_timestamp
   * less sb_cfg_timestamp, whole milliseconds.
   */
  belowMs: number;
}

/** Adds a port whose tap is plugged already, waiting for all hypervisors; removes it again. */
export async function sampleOnce(cloud: Cloud, port: Port): Promise<Sample> {
  const start = performance.now();
  await cloud.nbctl('--wait=hv', ...addCommands(port).slice(1));
  const totalMs = performance.now() - start;
  const timestamps = await cloud.nbctl('get', 'NB_Global', '.', 'sb_cfg_timestamp', 'hv_cfg_timestamp');
  const [sb, hv] = timestamps.split('\n').map(Number) as [number, number];
  await cloud.nbctl('--wait=hv', 'lsp-del', port.name);
  return { totalMs, belowMs: hv - sb };
}

export interface Latency {
  medianMs: number;
  p95Ms: number;
  belowMedianMs: number;
  belowP95Ms: number;
  samples: readonly Sample[];
}

export function summarize(samples: readonly Sample[]): Latency {
  const total = samples.map((sample) => sample.totalMs);
  const below = samples.map((sample) => sample.belowMs);
  return {
    medianMs: median(total),
    p95Ms: quantile(total, 0.95),
    belowMedianMs: median(below),
    belowP95Ms: quantile(below, 0.95),
    samples,
  };
}
