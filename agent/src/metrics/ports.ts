import { type Family, family, type Sample } from '@iovisor-ovn/exposition';
import { dropReasons } from '@iovisor-ovn/iomodules';
import type { iov_counters } from '../datapath/abi.js';
import type { LocalPort } from '../datapath/compiler/ports.js';
import type { Datapath } from '../datapath/index.js';
import { agentMetrics } from './definitions.js';
import { MonotoneSum } from './monotone.js';
import { Once } from './once.js';

type Labels = Readonly<Record<string, string>>;

interface Port extends LocalPort {
  /** Undefined: it has no series of its own. */
  labels: Labels | undefined;
  counters: iov_counters;
}

/** The label of what has no series of its own. A port of that name has a switch. */
const OTHERS: Labels = { port: 'others', switch: '' };

const COUNTERS = [
  ['port_receive_packets_total', 'rx_packets'],
  ['port_receive_bytes_total', 'rx_bytes'],
  ['port_transmit_packets_total', 'tx_packets'],
  ['port_transmit_bytes_total', 'tx_bytes'],
] as const satisfies readonly (readonly [keyof typeof agentMetrics, keyof iov_counters])[];

/** The series of local ports: the first `limit` have their own, in the order they came, the rest is added up. */
export class PortSeries {
  readonly #limit: number;
  readonly #others = new Map(COUNTERS.map(([, field]) => [field, new MonotoneSum()]));
  readonly #otherDrops = new Map<number, MonotoneSum>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  *families(datapath: Datapath): Generator<Family> {
    const ports = new Once(this.#ports(datapath));
    for (const [name, field] of COUNTERS) yield family(agentMetrics[name], this.#counted(ports, field));
    yield family(agentMetrics.port_forwarding, forwarding(datapath, ports));
    yield family(agentMetrics.port_dropped_packets_total, this.#dropped(datapath, ports));
  }

  *#ports(datapath: Datapath): Generator<Port> {
    const named = new Set<string>();
    for (const port of datapath.compiler.localPorts()) {
      const { name, switchId } = port.resource;
      // While a port is deleted and added again there may be two of the name: a series must not be there twice.
      const isNamed = named.size < this.#limit && !named.has(`${switchId} ${name}`);
      if (isNamed) named.add(`${switchId} ${name}`);
      const labels = isNamed ? labelsOf(datapath, port) : undefined;
      yield { ...port, labels, counters: datapath.counters.ofPort(port.number) };
    }
  }

  *#counted(ports: Iterable<Port>, field: keyof iov_counters): Generator<Sample> {
    const others = this.#others.get(field)!;
    const there = new Set<string>();
    for (const { number, labels, counters } of ports) {
      if (labels !== undefined) yield { labels, value: counters[field] };
      else {
        there.add(`${number}`);
        others.note(`${number}`, counters[field]);
      }
    }
    others.keepOnly((key) => there.has(key));
    if (there.size > 0 || others.total > 0n) yield { labels: OTHERS, value: others.total };
  }

  *#dropped(datapath: Datapath, ports: Iterable<Port>): Generator<Sample> {
    const byNumber = new Map<number, Port>();
    for (const port of ports) byNumber.set(port.number, port);
    for (const { port: number, reason, packets } of datapath.counters.portDrops()) {
      const port = byNumber.get(number);
      if (port === undefined) continue;
      if (port.labels !== undefined)
        yield { labels: { ...port.labels, reason: reasonName(reason) }, value: packets };
      else this.#otherDropsOf(reason).note(`${number}`, packets);
    }
    for (const [reason, sum] of this.#otherDrops) {
      sum.keepOnly((key) => byNumber.get(Number(key))?.labels === undefined && byNumber.has(Number(key)));
      yield { labels: { ...OTHERS, reason: reasonName(reason) }, value: sum.total };
    }
  }

  #otherDropsOf(reason: number): MonotoneSum {
    const sum = this.#otherDrops.get(reason) ?? new MonotoneSum();
    this.#otherDrops.set(reason, sum);
    return sum;
  }
}

function* forwarding(datapath: Datapath, ports: Iterable<Port>): Generator<Sample> {
  let others: number | undefined;
  for (const { id, labels } of ports) {
    const value = Number(datapath.forwarding.has(id));
    if (labels !== undefined) yield { labels, value };
    else others = (others ?? 0) + value;
  }
  if (others !== undefined) yield { labels: OTHERS, value: others };
}

function labelsOf(datapath: Datapath, { resource }: LocalPort): Labels {
  return {
    port: resource.name,
    switch: datapath.compiler.resources.switches.get(resource.switchId)?.name ?? '',
  };
}

function reasonName(reason: number): string {
  return dropReasons.find(({ value }) => value === reason)?.name ?? String(reason);
}
