import { availableParallelism } from 'node:os';
import { type Cleanup, withCleanup } from '../cleanup.js';
import { Native } from '../native.js';
import { atMost, atMostNs, type Section } from '../report.js';
import { testRunCost } from './testRunCost.js';
import { trafficCost } from './trafficCost.js';

/** Nanoseconds our programs spend on a packet, against a program that only redirects it. */
export function benchBpf(parent: Cleanup, quick: boolean): Promise<Section> {
  return withCleanup(parent, async (cleanup) => {
    const native = await Native.compile(cleanup);
    const test = await testRunCost(cleanup, native, { loads: quick ? 3 : 9, repetitions: 30 });
    const cpu = availableParallelism() - 1;
    const traffic = await trafficCost(cleanup, native, {
      cpu,
      repetitions: quick ? 3 : 10,
      milliseconds: 150,
    });
    const row = (what: string, trafficNs: number, testNs?: number) => [
      what,
      ...(testNs === undefined ? ['', ''] : [testNs.toFixed(1), times(testNs / test.redirectNs)]),
      ...[trafficNs.toFixed(0), times(trafficNs / traffic.redirectNs)],
    ];
    return {
      name: 'bpf',
      tables: [
        {
          title: 'BPF cost of a 64-byte packet, nanoseconds',
          header: ['', 'test run', '', 'in traffic', ''],
          rows: [
            row('redirect only', traffic.redirectNs, test.redirectNs),
            row('local: entry, port security, switch, port security', traffic.localNs, test.localNs),
            row('to another hypervisor, encapsulation included', traffic.encapNs),
            row('from another hypervisor: decapsulation, port security', traffic.decapNs),
          ],
        },
      ],
      targets: [
        { ...atMost('local unicast against redirect (test run)', 3, test.localNs / test.redirectNs) },
        { ...atMost('the same, aim', 2, test.localNs / test.redirectNs) },
        {
          ...atMost(
            'to another hypervisor against redirect (traffic)',
            5,
            traffic.encapNs / traffic.redirectNs,
          ),
        },
        atMostNs('encapsulation over local delivery (traffic)', 60, traffic.encapNs - traffic.localNs),
        atMostNs('decapsulation over local delivery (traffic)', 60, traffic.decapNs - traffic.localNs),
      ],
      notes: [
        'test run: BPF_PROG_TEST_RUN; in traffic: kernel.bpf_stats_enabled under live frames. The measuring itself is in all',
        'numbers. A test run cannot encapsulate the same packet twice, so the tunnel is measured in traffic only, with the outer',
        'UDP checksum that OVN asks for by default',
      ],
      data: { test, traffic },
    };
  });
}

const times = (ratio: number) => `${ratio.toFixed(2)}×`;
