import type { Cleanup } from '../cleanup.js';
import type { Native } from '../native.js';
import { type Burst, Generator } from './generator.js';
import { ownCpu } from './ownCpu.js';
import type { ForwardingPath } from './path.js';

/** What one path reached. */
export interface PathResult {
  name: string;
  /** Best burst, ns from packet to packet on one core, generator and sink included. */
  nsPerPacket: number;
  packetsPerSecond: number;
  /** Over all bursts. */
  sent: number;
  received: number;
  /** Every burst, ns per packet, in order of time. */
  bursts: number[];
}

export interface MeasureOptions {
  cpu: number;
  repetitions: number;
  /** Length of a burst. */
  milliseconds: number;
}

/** Measures all paths in turn, again and again, so that whatever else the machine does meets each of them alike. */
export async function measurePaths(
  native: Native,
  paths: readonly ForwardingPath[],
  options: MeasureOptions,
  cleanup: Cleanup,
): Promise<PathResult[]> {
  const { cpu, repetitions, milliseconds } = options;
  for (const pid of new Set(paths.flatMap((path) => path.pids))) await ownCpu(pid, cpu, cleanup);
  const runs: { path: ForwardingPath; generator: Generator; bursts: Burst[] }[] = [];
  for (const path of paths) {
    const generator = await Generator.start(native, path, cpu, cleanup);
    await warmUp(path, generator, milliseconds);
    runs.push({ path, generator, bursts: [] });
  }
  for (let i = 0; i < repetitions; i++) {
    for (const { generator, bursts } of runs) bursts.push(await generator.burst(milliseconds));
  }
  return runs.map(({ path, bursts }) => summarize(path.name, bursts));
}

function summarize(name: string, bursts: readonly Burst[]): PathResult {
  const all = bursts.map((burst) => burst.nsPerPacket);
  const nsPerPacket = Math.min(...all);
  const sum = (of: (burst: Burst) => number) => bursts.reduce((total, burst) => total + of(burst), 0);
  return {
    name,
    nsPerPacket,
    packetsPerSecond: 1e9 / nsPerPacket,
    sent: sum((burst) => burst.sent),
    received: sum((burst) => burst.received),
    bursts: all,
  };
}

/** Caches fill, neighbours resolve; and a path that forwards nothing shall not look slow but broken. */
async function warmUp(path: ForwardingPath, generator: Generator, milliseconds: number): Promise<void> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const { received } = await generator.burst(milliseconds);
    if (received > 0) return;
  }
  throw new Error(`${path.name}: no packet arrived at eth0 in ${path.to.name}`);
}
