import type { PortReport } from '@iovisor-ovn/proto';
import type { LocalPort } from '../datapath/compiler.js';
import type { Datapath } from '../datapath/index.js';

/** Local ports: logical name → tap → IOModule instances, with what was counted. */
export function portReports(datapath: Datapath): PortReport[] {
  const drops = new Map<number, bigint>();
  for (const { port, packets } of datapath.counters.portDrops())
    drops.set(port, (drops.get(port) ?? 0n) + packets);
  return [...datapath.compiler.localPorts()]
    .map((port) => portReport(datapath, port, drops.get(port.number) ?? 0n))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function portReport(datapath: Datapath, port: LocalPort, drops: bigint): PortReport {
  const { id, number, resource, tap } = port;
  const counters = datapath.counters.ofPort(number);
  return {
    id: number,
    name: resource.name,
    tap: tap === undefined ? '' : datapath.deviceName(tap.ifindex),
    ifindex: tap?.ifindex ?? 0,
    switchName: datapath.compiler.resources.switches.get(resource.switchId)?.name ?? '',
    instances: instances(datapath, port),
    hook: datapath.attachments.hookOf('entry', tap?.ifindex ?? 0) ?? '',
    forwarding: datapath.forwarding.has(id),
    state: stateOf(datapath, port),
    rxPackets: counters.rx_packets,
    rxBytes: counters.rx_bytes,
    txPackets: counters.tx_packets,
    txBytes: counters.tx_bytes,
    drops,
    dropsByReason: [],
  };
}

/** In the order a packet of the port meets them. */
function instances(datapath: Datapath, { number, resource }: LocalPort): string[] {
  const security = resource.portSecurityEnabled ? [`portsec:${number}`] : [];
  return [
    `entry:${number}`,
    ...security,
    `switch:${datapath.compiler.datapathNumber(resource.switchId) ?? 0}`,
  ];
}

function stateOf(datapath: Datapath, { id, resource, tap }: LocalPort): string {
  if (tap === undefined) return 'no device';
  if (resource.failClosed !== '') return `closed: ${resource.failClosed}`;
  if (!datapath.forwarding.has(id)) return 'not in the data plane';
  return resource.enabled ? 'forwarding' : 'disabled';
}
