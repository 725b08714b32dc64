import { dropReasons } from '@iovisor-ovn/iomodules';
import { type PortDrop, PortReport } from '@iovisor-ovn/proto';
import { iov_port_flag } from '../datapath/abi.js';
import { needsNoDevice, type Place, placeOf } from '../datapath/compile/kind.js';
import type { LocalPort } from '../datapath/compiler/ports.js';
import type { LastDrop } from '../datapath/counters.js';
import type { Datapath } from '../datapath/index.js';
import { dropText } from './dropText.js';

/** Local ports: logical name → tap → IOModule instances, with what was counted. */
export function portReports(datapath: Datapath): PortReport[] {
  const drops = new Map<number, bigint>();
  for (const { port, packets } of datapath.counters.portDrops())
    drops.set(port, (drops.get(port) ?? 0n) + packets);
  const refusals = refusalsById(datapath);
  return [...datapath.compiler.localPorts()]
    .map((port) => portReport(datapath, port, drops.get(port.number) ?? 0n, refusals))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** One local port with its drops by reason. One that was refused, or has no device ever, is there, too, and says so. */
export function portDetails(datapath: Datapath, name: string): PortReport[] {
  const refusals = refusalsById(datapath);
  const found = [...datapath.compiler.localPortsNamed(name)].map((port) => {
    const drops = datapath.counters.dropsAt(port.number);
    const sum = drops.reduce((total, { packets }) => total + packets, 0n);
    return { ...portReport(datapath, port, sum, refusals), dropsByReason: drops.map(portDrop) };
  });
  return found.length > 0 ? found : portsWithoutNumber(datapath, name, refusals);
}

function portsWithoutNumber(datapath: Datapath, name: string, refusals: Refusals): PortReport[] {
  const { resources } = datapath.compiler;
  return [...resources.portsNamed(name)].flatMap((id) => {
    const resource = resources.ports.get(id);
    const refusal = refusals.get(id);
    if (!resource?.local) return [];
    const switchName = resources.switches.get(resource.switchId)?.name ?? '';
    const report = { name, switchName, forwarding: datapath.forwarding.has(id) };
    if (refusal !== undefined) return [PortReport.create({ ...report, state: refused(refusal) })];
    if (!needsNoDevice(resource)) return [];
    return [
      PortReport.create({ ...report, state: `in effect; a ${resource.type} port has no device of its own` }),
    ];
  });
}

function portDrop({ reason, packets, drop }: LastDrop): PortDrop {
  const { name = String(reason), description = '' } = dropReasons.find(({ value }) => value === reason) ?? {};
  return { reason: name, packets, last: timeOf(drop.last), packet: dropText(drop), description };
}

/** A time of CLOCK_MONOTONIC, which hrtime reads as well. */
function timeOf(monotonic: bigint): string {
  const ago = Number((process.hrtime.bigint() - monotonic) / 1_000_000n);
  return new Date(Date.now() - ago).toISOString();
}

function portReport(datapath: Datapath, port: LocalPort, drops: bigint, refusals: Refusals): PortReport {
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
    state: stateOf(datapath, port, refusals.get(id)),
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
  const { IOV_PORT_SECURITY, IOV_PORT_RATE, IOV_PORT_LEARN, IOV_PORT_VIRTUAL_PARENT } = iov_port_flag;
  const { flags = 0 } = datapath.portRow(number) ?? {};
  const own = (module: string, wanted: number) => (flags & wanted ? [`${module}:${number}`] : []);
  return [
    `entry:${number}`,
    ...own('portsec', IOV_PORT_SECURITY),
    ...own('police', IOV_PORT_RATE),
    ...own('observe', IOV_PORT_LEARN | IOV_PORT_VIRTUAL_PARENT),
    `switch:${datapath.compiler.datapathNumber(resource.switchId) ?? 0}`,
  ];
}

function stateOf(datapath: Datapath, { id, resource, tap }: LocalPort, refusal: string | undefined): string {
  if (refusal !== undefined) return refused(refusal);
  if (tap === undefined) return noDevice(datapath, placeOf(resource));
  if (resource.failClosed !== '') return `closed: ${resource.failClosed}`;
  if (!datapath.forwarding.has(id)) return 'not in the data plane';
  return resource.enabled ? 'forwarding' : 'disabled';
}

/** Why ports are not in effect, or not wholly, by LogicalPort id. */
type Refusals = ReadonlyMap<string, string>;

function refusalsById(datapath: Datapath): Refusals {
  return new Map(datapath.refusals.map(({ ref, message }) => [ref.id, message]));
}

function refused(message: string): string {
  return `not in the data plane: ${message}`;
}

/** Nothing is plugged, or the kernel did not take the program on what is. */
function noDevice(datapath: Datapath, place: Place): string {
  if (place.kind === 'nowhere') return 'no device';
  if (place.kind === 'network') return `no device: no usable bridge mapping for network ${place.name} here`;
  const ifindex = datapath.pluggedDevice(place.name);
  if (ifindex === undefined) return `no device: nothing has external_ids:iface-id=${place.name} here`;
  const failure = [...datapath.attachments.failures.values()].find(
    (one) => one.role === 'entry' && one.ifindex === ifindex,
  );
  const why = failure === undefined ? '' : `: ${failure.message}`;
  return `no device: ${datapath.deviceName(ifindex)} does not carry the program${why}`;
}
