import { type Family, gauge, type Sample } from '@iovisor-ovn/exposition';
import { dropReasons } from '@iovisor-ovn/iomodules';
import type { iov_counters } from '../datapath/abi.js';
import type { Datapath } from '../datapath/index.js';
import { moduleReports } from '../report/modules.js';
import { tunnelReports } from '../report/tunnels.js';

const PORT_COUNTERS = [
  ['receive_packets', 'Packets from the machine behind the port.', 'rx_packets'],
  ['receive_bytes', 'Bytes from the machine behind the port.', 'rx_bytes'],
  ['transmit_packets', 'Packets to the machine behind the port.', 'tx_packets'],
  ['transmit_bytes', 'Bytes to the machine behind the port.', 'tx_bytes'],
] as const satisfies readonly (readonly [string, string, keyof iov_counters])[];

/**
 * What the data plane counts. As many series as there are local ports, reasons that occurred, and other chassis: nothing that
 * a machine sends makes a new one.
 */
export function* datapathFamilies(datapath: Datapath): Generator<Family> {
  // Four families, one reading of each port's counters.
  const read = new Map<number, iov_counters>();
  for (const [name, help, field] of PORT_COUNTERS)
    yield {
      name: `iovisor_agent_port_${name}_total`,
      help,
      type: 'counter',
      samples: portSamples(datapath, field, read),
    };
  yield {
    name: 'iovisor_agent_port_forwarding',
    help: 'Whether the port forwards: its device carries the programs, and it is configured.',
    type: 'gauge',
    samples: forwardingSamples(datapath),
  };
  yield {
    name: 'iovisor_agent_port_dropped_packets_total',
    help: 'Packets dropped at a port, by reason.',
    type: 'counter',
    samples: portDropSamples(datapath),
  };
  yield {
    name: 'iovisor_agent_dropped_packets_total',
    help: 'Packets dropped, by reason; those that belong to no port are in as well.',
    type: 'counter',
    samples: dropSamples(datapath),
  };
  yield* tunnelFamilies(datapath);
  yield {
    name: 'iovisor_agent_module_program_info',
    help: 'Programs of the IOModules that are loaded, as bpftool prog shows them. Always 1.',
    type: 'gauge',
    samples: moduleReports(datapath).map(({ name, programId, tag }) => ({
      labels: { module: name, program_id: String(programId), tag },
      value: 1,
    })),
  };
  yield gauge(
    'iovisor_agent_refused_resources',
    'Intents that could not be applied, now.',
    datapath.refusals.length,
  );
}

function* portSamples(
  datapath: Datapath,
  field: keyof iov_counters,
  read: Map<number, iov_counters>,
): Generator<Sample> {
  for (const { number, resource } of datapath.compiler.localPorts()) {
    const counters = read.get(number) ?? datapath.counters.ofPort(number);
    read.set(number, counters);
    yield { labels: labelsOf(datapath, resource), value: counters[field] };
  }
}

function* forwardingSamples(datapath: Datapath): Generator<Sample> {
  for (const { id, resource } of datapath.compiler.localPorts())
    yield { labels: labelsOf(datapath, resource), value: Number(datapath.forwarding.has(id)) };
}

function* portDropSamples(datapath: Datapath): Generator<Sample> {
  const ports = new Map(
    [...datapath.compiler.localPorts()].map(({ number, resource }) => [number, resource]),
  );
  for (const { port, reason, packets } of datapath.counters.portDrops()) {
    const resource = ports.get(port);
    if (resource === undefined) continue;
    yield { labels: { ...labelsOf(datapath, resource), reason: reasonName(reason) }, value: packets };
  }
}

function* dropSamples(datapath: Datapath): Generator<Sample> {
  for (const { value, name } of dropReasons)
    yield { labels: { reason: name }, value: datapath.counters.drops(value) };
}

function* tunnelFamilies(datapath: Datapath): Generator<Family> {
  const tunnels = tunnelReports(datapath);
  const family = (
    name: string,
    help: string,
    read: (tunnel: (typeof tunnels)[number]) => number | bigint,
  ) => ({
    name: `iovisor_agent_tunnel_${name}`,
    help,
    type: name.endsWith('_total') ? ('counter' as const) : ('gauge' as const),
    samples: tunnels.map((tunnel) => {
      const { chassis, encap, remoteIp } = tunnel;
      return { labels: { chassis, encap, remote_ip: remoteIp }, value: read(tunnel) };
    }),
  });
  yield family('receive_packets_total', 'Packets from another chassis.', (t) => t.rxPackets);
  yield family('receive_bytes_total', 'Bytes from another chassis, without outer headers.', (t) => t.rxBytes);
  yield family('transmit_packets_total', 'Packets to another chassis.', (t) => t.txPackets);
  yield family('transmit_bytes_total', 'Bytes to another chassis, without outer headers.', (t) => t.txBytes);
  yield family('resolved', 'Whether the next hop to the chassis is known.', (t) => Number(t.resolved));
}

function labelsOf(datapath: Datapath, resource: { name: string; switchId: string }): Record<string, string> {
  return {
    port: resource.name,
    switch: datapath.compiler.resources.switches.get(resource.switchId)?.name ?? '',
  };
}

function reasonName(reason: number): string {
  return dropReasons.find(({ value }) => value === reason)?.name ?? String(reason);
}
