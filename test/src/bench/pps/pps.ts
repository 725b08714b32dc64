import { availableParallelism } from 'node:os';
import { type Cleanup, withCleanup } from '../cleanup.js';
import { Native } from '../native.js';
import { atLeast, type Section, type Table, type Target } from '../report.js';
import { bridgePath } from './bridgePath.js';
import { directPath } from './directPath.js';
import { FLOWS } from './generator.js';
import { ourPaths, stockPaths } from './labPaths.js';
import { measurePaths, type PathResult } from './measurePaths.js';
import type { ForwardingPath } from './path.js';
import { redirectPath } from './redirectPath.js';
import { Site } from './site.js';
import { vxlanPath } from './vxlanPath.js';

const groups = ['on one hypervisor', 'across two hypervisors'] as const;

/** 64-byte packets per second between two machines, one core, through what is used today and through ours. */
export function benchPps(parent: Cleanup, quick: boolean): Promise<Section> {
  return withCleanup(parent, async (cleanup) => {
    const native = await Native.compile(cleanup);
    const cpu = availableParallelism() - 1;
    const options = quick ? { repetitions: 5, milliseconds: 60 } : { repetitions: 15, milliseconds: 150 };
    const site = await Site.create(cleanup);
    const paths = { local: [] as ForwardingPath[], cross: [] as ForwardingPath[] };
    const add = (local: ForwardingPath | undefined, cross?: ForwardingPath) => {
      if (local) paths.local.push(local);
      if (cross) paths.cross.push(cross);
    };
    add(await directPath(site));
    add(await redirectPath(site, native));
    add(await bridgePath(site), await vxlanPath(site));
    const stock = await stockPaths(cleanup);
    add(stock[0], stock[1]);
    const ours = await ourPaths(cleanup);
    add(ours[0], ours[1]);
    const all = await measurePaths(native, [...paths.local, ...paths.cross], { cpu, ...options }, cleanup);
    const results = [all.slice(0, paths.local.length), all.slice(paths.local.length)];
    return {
      name: 'pps',
      tables: results.map((some, i) =>
        table(`64-byte packets between two machines ${groups[i]}, one core`, some),
      ),
      targets: targets(results),
      notes: [
        `${FLOWS} UDP flows on CPU ${cpu}, which generates, forwards, counts at the far side and drops`,
        'stock OVN and ours: MAC + IP port security on every port; the bridges check nothing',
      ],
      data: Object.fromEntries(groups.map((group, i) => [group, results[i]])),
    };
  });
}

function targets([local, cross]: readonly PathResult[][]): Target[] {
  const rate = (results: PathResult[], name: string) =>
    results.find((r) => r.name === name)!.packetsPerSecond;
  const ours = (results: PathResult[], bridge: string) =>
    rate(results, 'IOVisor-OVN') / rate(results, bridge);
  return [
    atLeast('ours against the Linux bridge, one hypervisor', 1.3, ours(local!, 'Linux bridge')),
    atLeast('ours against Linux bridge + vxlan, two hypervisors', 2, ours(cross!, 'Linux bridge + vxlan')),
  ];
}

function table(title: string, results: readonly PathResult[]): Table {
  return {
    title,
    header: ['path', 'Mpps', 'ns/packet', 'arrived'],
    rows: results.map((result) => [
      result.name,
      (result.packetsPerSecond / 1e6).toFixed(2),
      result.nsPerPacket.toFixed(0),
      `${((result.received / result.sent) * 100).toFixed(0)} %`,
    ]),
  };
}
