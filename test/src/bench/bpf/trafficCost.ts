import { type Cleanup, withCleanup } from '../cleanup.js';
import type { Native } from '../native.js';
import { Generator } from '../pps/generator.js';
import { ourPaths } from '../pps/labPaths.js';
import type { ForwardingPath } from '../pps/path.js';
import { redirectPath } from '../pps/redirectPath.js';
import { Site } from '../pps/site.js';
import { enableProgramStats, nanosecondsPerRun, programStats } from './programStats.js';

/** Nanoseconds a packet by the kernel's own statistics, whose clock reading (about 20 ns) is in all of them. */
export interface TrafficCost {
  redirectNs: number;
  /** Entry to delivery on the same hypervisor. */
  localNs: number;
  /** Entry to the encapsulated packet. */
  encapNs: number;
  /** From the uplink to delivery. */
  decapNs: number;
}

interface Watched {
  path: ForwardingPath;
  /** Which attached program to read into which field. */
  programs: Partial<Record<keyof TrafficCost, string>>;
}

/** The programs as the agent installed them, under real packets. */
export function trafficCost(
  parent: Cleanup,
  native: Native,
  o: { cpu: number; repetitions: number; milliseconds: number },
): Promise<TrafficCost> {
  return withCleanup(parent, async (cleanup) => {
    const [local, cross] = (await ourPaths(cleanup)) as [ForwardingPath, ForwardingPath];
    const watched: Watched[] = [
      { path: await redirectPath(await Site.create(cleanup), native), programs: { redirectNs: 'redirect' } },
      { path: local, programs: { localNs: 'iov_entry' } },
      { path: cross, programs: { encapNs: 'iov_entry', decapNs: 'iov_uplink' } },
    ];
    const generators: Generator[] = [];
    for (const { path } of watched) generators.push(await Generator.start(native, path, o.cpu, cleanup));
    await enableProgramStats(cleanup);
    const cost: TrafficCost = {
      redirectNs: Infinity,
      localNs: Infinity,
      encapNs: Infinity,
      decapNs: Infinity,
    };
    for (let i = 0; i < o.repetitions; i++) {
      for (const [g, { path, programs }] of watched.entries()) {
        const before = programStats();
        const { received } = await generators[g]!.burst(o.milliseconds);
        if (received === 0) throw new Error(`${path.name}: no packet arrived in ${path.to.name}`);
        const after = programStats();
        for (const [field, name] of Object.entries(programs) as [keyof TrafficCost, string][])
          cost[field] = Math.min(cost[field], nanosecondsPerRun(before, after, name, received));
      }
    }
    return cost;
  });
}
