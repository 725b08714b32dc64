import { dropReasons, type TracedPacket, type TraceEvent } from '@iovisor-ovn/iomodules';
import { BpfError } from '@iovisor-ovn/libbpf';
import { type TraceOutput, TraceReport, type TraceRequest, type TraceStep } from '@iovisor-ovn/proto';
import { iov_event_kind, iov_port_flag, iov_tunnel_flag } from '../datapath/abi.js';
import { needsNoDevice } from '../datapath/compile/kind.js';
import { rowAddressText } from '../datapath/compile/underlay.js';
import type { LocalPort } from '../datapath/compiler/ports.js';
import type { Datapath } from '../datapath/index.js';
import { outerAddresses, outerFrame, sourcePortOf } from './outerFrame.js';

const ETHERNET = 14;
const MAX_FRAME = 9000;
/** Largest outer header, with room to spare. */
const MAX_OUTER = 64;
const LOOPBACK = 1;

/** Where a traced packet comes in. */
interface Arrival {
  hook: 'entry' | 'uplink';
  frame: Buffer;
  ifindex: number;
  /** Tunnel key of the port it comes from; 0: none. */
  portKey: number;
}

/** Why a packet cannot be traced; the message is for people. */
class Untraceable extends Error {}

/** Runs a packet through the programs without sending it. Whatever is wrong is said in the report. */
export async function traceReport(
  datapath: Datapath,
  request: TraceRequest | undefined,
): Promise<TraceReport> {
  try {
    const arrival = arrivalOf(datapath, request);
    const { hook, frame, ifindex } = arrival;
    const traced = await datapath.tracer.trace(hook, frame, ifindex).catch((error) => {
      throw tooLong(frame, error) ?? error;
    });
    const names = new Names(datapath);
    return {
      error: '',
      steps: steps(names, traced),
      outputs: outputs(datapath, names, arrival, traced),
    };
  } catch (error) {
    return TraceReport.create({ error: (error as Error).message });
  }
}

/** Many kernels want a test packet, with what belongs to it, in one page of memory. */
const SURELY_POSSIBLE = 3500;

function tooLong(frame: Buffer, error: unknown): Untraceable | undefined {
  if (frame.length <= SURELY_POSSIBLE || !(error instanceof BpfError) || error.code !== 'EINVAL')
    return undefined;
  return new Untraceable(
    `a frame of ${frame.length} bytes cannot be traced: this kernel takes no longer test packets than some ${SURELY_POSSIBLE}`,
  );
}

/** @throws Untraceable */
function arrivalOf(datapath: Datapath, request: TraceRequest | undefined): Arrival {
  if (request === undefined) throw new Untraceable('the query has no packet to trace');
  const frame = Buffer.from(request.frame);
  const most = request.port === '' ? MAX_FRAME + MAX_OUTER : MAX_FRAME;
  if (frame.length < ETHERNET || frame.length > most)
    throw new Untraceable(`a frame of ${frame.length} bytes cannot be traced: ${ETHERNET} to ${most} can`);
  if (request.port === '') return { hook: 'uplink', frame, ifindex: underlay(datapath, frame), portKey: 0 };
  return fromPort(datapath, request.port, frame);
}

function fromPort(datapath: Datapath, name: string, frame: Buffer): Arrival {
  const [port] = datapath.compiler.localPortsNamed(name);
  if (port === undefined) throw new Untraceable(notHere(datapath, name));
  const row = datapath.portRow(port.number);
  if (port.tap === undefined || row === undefined || row.ifindex === 0)
    throw new Untraceable(`port ${name} has no device on this hypervisor: nothing can come from it`);
  const tagged = row.flags & iov_port_flag.IOV_PORT_VLAN ? tag(frame, row.vlan_proto, row.vlan_id) : frame;
  return { hook: 'entry', frame: tagged, ifindex: row.ifindex, portKey: row.port_key };
}

function notHere(datapath: Datapath, name: string): string {
  const { resources } = datapath.compiler;
  for (const id of resources.portsNamed(name)) {
    const resource = resources.ports.get(id);
    if (resource !== undefined && needsNoDevice(resource))
      return `port ${name} is of type ${resource.type}: no machine sends from it; trace from a port of type ""`;
  }
  return `port ${name} is not in effect on this hypervisor`;
}

/** The frame with the tag that its port has on the device. */
function tag(frame: Buffer, protocol: number, id: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16BE(protocol, 0);
  bytes.writeUInt16BE(id, 2);
  return Buffer.concat([frame.subarray(0, 12), bytes, frame.subarray(12)]);
}

/** The device by which the packet's tunnel leaves, and so comes; any will do for packets of nobody's tunnel. */
function underlay(datapath: Datapath, frame: Buffer): number {
  const { source, destination } = outerAddresses(frame);
  for (const { tunnel, number } of [...datapath.compiler.tunnels.values()].flat())
    if (tunnel.remoteIp === source && tunnel.localIps.includes(destination))
      return datapath.tunnelRow(number)?.ifindex || LOOPBACK;
  return LOOPBACK;
}

/** Names of the numbers in a trace. */
class Names {
  readonly #datapath: Datapath;
  readonly #ports: ReadonlyMap<number, LocalPort>;

  constructor(datapath: Datapath) {
    this.#datapath = datapath;
    this.#ports = new Map([...datapath.compiler.localPorts()].map((port) => [port.number, port]));
  }

  /** Logical port. */
  port(number: number): string {
    return this.#ports.get(number)?.resource.name ?? `port number ${number}`;
  }

  /** Logical port and device. */
  portAndTap(number: number): string {
    const ifindex = this.#datapath.portRow(number)?.ifindex ?? 0;
    return ifindex === 0 ? this.port(number) : `${this.port(number)} (${this.#datapath.deviceName(ifindex)})`;
  }

  chassis(number: number): string {
    for (const [chassis, tunnels] of this.#datapath.compiler.tunnels)
      if (tunnels.some((tunnel) => tunnel.number === number)) return chassis;
    return '';
  }

  /** Chassis and outer addresses. */
  tunnel(number: number): string {
    const row = this.#datapath.tunnelRow(number);
    const chassis = this.chassis(number) || `tunnel number ${number}`;
    if (row === undefined) return chassis;
    const encap = row.flags & iov_tunnel_flag.IOV_TUNNEL_GENEVE ? 'geneve' : 'vxlan';
    return `${chassis} (${encap} ${rowAddressText(row.local_ip)} > ${rowAddressText(row.remote_ip)})`;
  }
}

function steps(names: Names, { events, truncated }: TracedPacket): TraceStep[] {
  const all: TraceStep[] = [];
  let at = { module: '', program: '' };
  for (const [index, event] of events.entries()) {
    if (event.kind === 'module') {
      if (index > 0) all.push({ ...at, verdict: `→ ${short(event.program)}`, drop: '' });
      at = { module: event.module, program: event.program };
    } else {
      const drop = event.kind === 'drop' ? event.reason : '';
      all.push({ ...at, verdict: verdict(names, event), drop });
    }
  }
  if (truncated) all.push({ ...at, verdict: '… and so on: this is all that a trace has room for', drop: '' });
  return all;
}

function short(program: string): string {
  return program.replace(/^iov_/, '');
}

function verdict(names: Names, event: Exclude<TraceEvent, { kind: 'module' }>): string {
  switch (event.kind) {
    case 'drop':
      return dropVerdict(names, event.reason, event.port);
    case 'deliver':
      return `deliver to ${names.portAndTap(event.port)}`;
    case 'copy':
      return `copy to ${names.portAndTap(event.port)}`;
    case 'tunnel':
      return `into the tunnel to ${names.tunnel(event.tunnel)}`;
    case 'tunnel-copy':
      return `copy into the tunnel to ${names.tunnel(event.tunnel)}`;
    case 'event':
      return eventVerdict(event.event);
    case 'pass':
      return 'left to the hypervisor itself: it is no packet of a logical network';
  }
}

function dropVerdict(names: Names, reason: string, port: number): string {
  const description = dropReasons.find(({ name }) => name === reason)?.description ?? '';
  const counted = port === 0 ? '' : ` (counted at ${names.port(port)})`;
  return `drop ${reason}: ${description}${counted}`;
}

function eventVerdict(kind: number): string {
  if (kind === iov_event_kind.IOV_EVENT_MAC) return 'tells where the source MAC is';
  if (kind === iov_event_kind.IOV_EVENT_IGMP || kind === iov_event_kind.IOV_EVENT_MLD)
    return 'tells who wants which multicast group';
  if (kind === iov_event_kind.IOV_EVENT_VIRTUAL) return 'claims the address of a virtual port';
  return kind === iov_event_kind.IOV_EVENT_RARP ? 'activates the port' : `tells of event ${kind}`;
}

function outputs(
  datapath: Datapath,
  names: Names,
  { portKey }: Arrival,
  { events, frame }: TracedPacket,
): TraceOutput[] {
  const { inner, sourcePort } = withoutTunnel(datapath, events, frame);
  return events.flatMap((event): TraceOutput[] => {
    if (event.kind === 'deliver') return [{ port: names.port(event.port), chassis: '', frame }];
    if (event.kind === 'copy')
      return [{ port: names.port(event.port), chassis: '', frame: asCopy(datapath, event.port, inner) }];
    if (event.kind === 'tunnel') return [{ port: '', chassis: names.chassis(event.tunnel), frame }];
    if (event.kind !== 'tunnel-copy') return [];
    const row = datapath.tunnelRow(event.tunnel);
    if (row === undefined) return [];
    const keys = { datapath: datapath.datapathKey(event.datapath) ?? 0, ingress: portKey, egress: event.key };
    const outer = outerFrame(row, inner, keys, sourcePort);
    return [{ port: '', chassis: names.chassis(event.tunnel), frame: outer }];
  });
}

/** After a flood into tunnels the packet is as the last copy left it: with the outer header of that. */
function withoutTunnel(
  datapath: Datapath,
  events: readonly TraceEvent[],
  frame: Buffer,
): { inner: Buffer; sourcePort: number } {
  const last = events.findLast((event) => event.kind === 'tunnel-copy');
  const length = last === undefined ? 0 : (datapath.tunnelRow(last.tunnel)?.header_length ?? 0);
  if (length === 0) return { inner: frame, sourcePort: 0 };
  return { inner: frame.subarray(length), sourcePort: sourcePortOf(frame) };
}

/** A copy for a port that has a VLAN on its device is tagged, and the packet goes on without. */
function asCopy(datapath: Datapath, number: number, frame: Buffer): Buffer {
  const row = datapath.portRow(number);
  if (row === undefined || !(row.flags & iov_port_flag.IOV_PORT_VLAN)) return frame;
  return tag(frame, row.vlan_proto, row.vlan_id);
}
