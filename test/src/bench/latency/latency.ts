import { type Cleanup, withCleanup } from '../cleanup.js';
import type { Cloud } from '../cloud/cloud.js';
import { addPorts, plugPorts, port } from '../cloud/ports.js';
import { startClouds } from '../cloud/startClouds.js';
import type { Section, Table, Target } from '../report.js';
import { type Latency, type Sample, sampleOnce, summarize } from './samples.js';

const SIZES = [10, 100, 1000];
/** The port that is added and removed; no size reaches its number. Odd: at the second hypervisor. */
const PROBES = [100_000, 100_001].map(port);

interface SizeResult {
  ports: number;
  clouds: Record<string, Latency>;
}

/** `ovn-nbctl --wait=hv lsp-add` with 10, 100 and 1,000 ports present, stock OVN and ours on identical databases. */
export function benchLatency(parent: Cleanup, quick: boolean): Promise<Section> {
  return withCleanup(parent, async (cleanup) => {
    const clouds = await startClouds(cleanup);
    for (const cloud of clouds) await plugPorts(cloud, PROBES);
    const results: SizeResult[] = [];
    let present = 0;
    for (const size of SIZES) {
      for (const cloud of clouds) await addPorts(cloud, present, size);
      present = size;
      results.push({ ports: size, clouds: await measure(clouds, quick ? 10 : 40) });
    }
    return {
      name: 'latency',
      tables: [table(results, clouds)],
      targets: targets(results),
      notes: [
        'lsp-add + lsp-set-addresses + lsp-set-port-security in one command; the tap is plugged already, so the port',
        'gets bound and up; two hypervisors, the ports spread over both, all in one logical switch',
        "below: from northd's commit to the Southbound DB until the last hypervisor has it (NB_Global.hv_cfg_timestamp -",
        'sb_cfg_timestamp), which is what ovn-controller + ovs-vswitchd or coordinator + agents take. The rest is',
        'ovn-nbctl and ovn-northd, the same programs for both, which grow with the switch',
      ],
      data: results,
    };
  });
}

/** Interleaved, so that what else the machine does meets both alike. */
async function measure(clouds: readonly Cloud[], repetitions: number): Promise<Record<string, Latency>> {
  const samples = clouds.map((): Sample[] => []);
  for (let i = -1; i < repetitions; i++) {
    for (const [c, cloud] of clouds.entries()) {
      const sample = await sampleOnce(cloud, PROBES[Math.abs(i) % PROBES.length]!);
      // The first round only warms up.
      if (i >= 0) samples[c]!.push(sample);
    }
  }
  return Object.fromEntries(clouds.map((cloud, c) => [cloud.name, summarize(samples[c]!)]));
}

function table(results: readonly SizeResult[], clouds: readonly Cloud[]): Table {
  const ms = (value: number) => value.toFixed(1);
  return {
    title: 'ovn-nbctl --wait=hv lsp-add, milliseconds',
    header: ['ports present', 'cloud', 'median', 'p95', 'below', 'p95 of below'],
    rows: results.flatMap(({ ports, clouds: measured }) =>
      clouds.map(({ name }) => {
        const { medianMs, p95Ms, belowMedianMs, belowP95Ms } = measured[name]!;
        return [`${ports}`, name, ...[medianMs, p95Ms, belowMedianMs, belowP95Ms].map(ms)];
      }),
    ),
  };
}

/** A difference of medians this small is noise. */
const NOISE_MS = 2;

function targets(results: readonly SizeResult[]): Target[] {
  const found: Target[] = results.map(({ ports, clouds }) => {
    const [stock, ours] = [clouds['stock OVN']!, clouds.ours!];
    return {
      what: `lsp-add with ${ports} ports, ours against stock`,
      target: '≤ 1.0×',
      measured: `${(ours.medianMs / stock.medianMs).toFixed(2)}×`,
      met: ours.medianMs <= stock.medianMs,
    };
  });
  const first = results[0]!.clouds.ours!.belowMedianMs;
  const last = results.at(-1)!.clouds.ours!.belowMedianMs;
  found.push({
    what: `our part below northd, ${results[0]!.ports} to ${results.at(-1)!.ports} ports`,
    target: 'flat',
    measured: `${first.toFixed(1)} → ${last.toFixed(1)} ms`,
    met: last <= Math.max(1.25 * first, first + NOISE_MS),
  });
  return found;
}
