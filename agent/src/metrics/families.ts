import { type Family, family, type MetricDefinition, type Sample, single } from '@iovisor-ovn/exposition';
import { dropReasons } from '@iovisor-ovn/iomodules';
import type { iov_tunnel_count } from '../datapath/abi.js';
import { CONFIG_MAPS, type ConfigMap } from '../datapath/entry.js';
import type { Datapath } from '../datapath/index.js';
import { loadedPrograms } from '../report/modules.js';
import { agentMetrics } from './definitions.js';
import { Once } from './once.js';

/** A slot of it belongs to one device; what finds its slot taken goes to iov_ifindex_overflow. */
const CANNOT_FILL: ReadonlySet<ConfigMap> = new Set(['iov_ifindex']);

/**
 * What the data plane counts, but for its ports. As many series as there are reasons, other chassis, programs and maps: nothing
 * that a machine sends makes a new one.
 */
export function* datapathFamilies(datapath: Datapath): Generator<Family> {
  const m = agentMetrics;
  const { counters } = datapath.writer;
  yield single(m.ports, datapath.compiler.localPortCount);
  yield single(m.ports_forwarding, datapath.forwarding.size);
  yield family(m.dropped_packets_total, dropSamples(datapath));
  yield* tunnelFamilies(datapath);
  yield* moduleFamilies(datapath);
  yield family(
    m.map_entries,
    mapSamples((map) => datapath.writer.mirrors.get(map)?.size ?? 0),
  );
  yield family(
    m.map_max_entries,
    mapSamples((map) => datapath.loaded.maps[map].maxEntries),
  );
  yield single(m.map_updates_total, counters.updates);
  yield single(m.map_deletes_total, counters.deletes);
  yield single(m.refused_resources, datapath.refusals.length);
  yield single(m.attach_failures, datapath.attachments.failures.size);
  const { repairs, unrepaired } = datapath.damages;
  yield family(
    m.repairs_total,
    [...repairs].map(([kind, value]) => ({ labels: { kind }, value })),
  );
  yield single(m.damages, unrepaired.length);
  yield single(m.audit_rounds_total, datapath.rounds.done);
  yield single(m.audit_seconds_total, datapath.rounds.spent / 1000);
}

function* dropSamples(datapath: Datapath): Generator<Sample> {
  for (const { value, name } of dropReasons)
    yield { labels: { reason: name }, value: datapath.counters.drops(value) };
}

function* mapSamples(read: (map: ConfigMap) => number): Generator<Sample> {
  for (const map of CONFIG_MAPS) if (!CANNOT_FILL.has(map)) yield { labels: { map }, value: read(map) };
}

interface TunnelSeries {
  labels: Readonly<Record<string, string>>;
  number: number;
  counters: iov_tunnel_count;
}

function* tunnelSeries(datapath: Datapath): Generator<TunnelSeries> {
  for (const [chassis, tunnels] of datapath.compiler.tunnels)
    for (const { tunnel, number } of tunnels) {
      const { encap, localIp, remoteIp } = tunnel;
      const labels = { chassis, encap, local_ip: localIp, remote_ip: remoteIp };
      yield { labels, number, counters: datapath.counters.ofTunnel(number) };
    }
}

function* tunnelFamilies(datapath: Datapath): Generator<Family> {
  const all = new Once(tunnelSeries(datapath));
  const made = (definition: MetricDefinition, read: (tunnel: TunnelSeries) => number | bigint) =>
    family(definition, samplesOf(all, read));
  const m = agentMetrics;
  yield made(m.tunnel_receive_packets_total, ({ counters }) => counters.rx_packets);
  yield made(m.tunnel_receive_bytes_total, ({ counters }) => counters.rx_bytes);
  yield made(m.tunnel_receive_dropped_packets_total, ({ counters }) => counters.rx_drops);
  yield made(m.tunnel_transmit_packets_total, ({ counters }) => counters.tx_packets);
  yield made(m.tunnel_transmit_bytes_total, ({ counters }) => counters.tx_bytes);
  yield made(m.tunnel_transmit_dropped_packets_total, ({ counters }) => counters.tx_drops);
  yield made(m.tunnel_resolved, ({ number }) => Number(datapath.isResolved(number)));
}

function* samplesOf<T extends { labels: Readonly<Record<string, string>> }>(
  all: Iterable<T>,
  read: (one: T) => number | bigint,
): Generator<Sample> {
  for (const one of all) yield { labels: one.labels, value: read(one) };
}

function* moduleFamilies(datapath: Datapath): Generator<Family> {
  const m = agentMetrics;
  const programs = loadedPrograms(datapath).map(({ name, info }) => ({ labels: { module: name }, info }));
  yield family(
    m.module_program_info,
    programs.map(({ labels, info }) => ({
      labels: { ...labels, program_id: String(info.id), tag: info.tag },
      value: 1,
    })),
  );
  yield family(
    m.module_runs_total,
    samplesOf(programs, ({ info }) => info.runCount),
  );
  yield family(
    m.module_run_seconds_total,
    samplesOf(programs, ({ info }) => Number(info.runTimeNs) / 1e9),
  );
}
