import type { Cloud } from '../cloud/cloud.js';
import { addCommands, type Port } from '../cloud/ports.js';
import { median, quantile } from '../stats.js';

/** ovn-nbctl from start to end, milliseconds. */
export interface Samples {
  /** `--wait=hv`: every hypervisor has it. */
  hv: number[];
  /** `--wait=sb`: northd has done its part, which is the same for every cloud. */
  sb: number[];
}

export const newSamples = (): Samples => ({ hv: [], sb: [] });

/** Adds a port whose tap is plugged already, once waiting for the hypervisors, once for northd only; removes it again. */
export async function sampleOnce(cloud: Cloud, port: Port, into: Samples): Promise<void> {
  for (const wait of ['hv', 'sb'] as const) {
    const start = performance.now();
    await cloud.nbctl(`--wait=${wait}`, ...addCommands(port).slice(1));
    into[wait].push(performance.now() - start);
    await cloud.nbctl('--wait=hv', 'lsp-del', port.name);
  }
}

export interface Latency {
  medianMs: number;
  p95Ms: number;
  /** Median of northd's part, ovn-nbctl's own start included. */
  northdMs: number;
  /** Median of what comes after northd: our part, or ovn-controller's and ovs-vswitchd's. */
  belowMs: number;
}

export function summarize(samples: Samples): Latency {
  const medianMs = median(samples.hv);
  const northdMs = median(samples.sb);
  return { medianMs, p95Ms: quantile(samples.hv, 0.95), northdMs, belowMs: medianMs - northdMs };
}
