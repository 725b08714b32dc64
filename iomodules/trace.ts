import { dropReasons } from './drops.js';
import {
  iov_constant,
  iov_slot,
  type iov_trace_event,
  iov_traceCodec,
  iov_trace_kind as kinds,
} from './gen/abi.js';
import type { LoadedModules } from './loader.js';

/**
 * One thing that a traced packet did, in order. `port` is a local port number, `tunnel` a tunnel number, both agent-local;
 * `datapath` the datapath number, `key` OVN's egress key (port or multicast group).
 */
export type TraceEvent =
  /** A program begins; `slot` is undefined for the programs of hooks. */
  | { kind: 'module'; module: string; program: string; slot?: number }
  /** `port`: where it would be counted, 0 for nowhere. `reason` is that of dropReasons. */
  | { kind: 'drop'; reason: string; port: number; datapath: number; key: number }
  /** The packet itself, to a local port: in or behind it nothing more happens. */
  | { kind: 'deliver'; port: number; datapath: number; key: number }
  /** A copy to a local port. */
  | { kind: 'copy'; port: number; datapath: number; key: number }
  /** The packet itself, into a tunnel. */
  | { kind: 'tunnel'; tunnel: number; datapath: number; key: number }
  /** A copy into a tunnel. */
  | { kind: 'tunnel-copy'; tunnel: number; datapath: number; key: number }
  /** The agent would be told: `event` is enum iov_event_kind, `key` that of struct iov_event. */
  | { kind: 'event'; event: number; port: number; datapath: number; key: number }
  /** Not a packet for us: the host's stack gets it. */
  | { kind: 'pass' };

export interface TracedPacket {
  events: TraceEvent[];
  /** More happened than fits into a trace (IOV_TRACE_EVENTS). */
  truncated: boolean;
  /** The packet afterwards, as it would leave: with outer header or VLAN tag. After a flood, the last copy. */
  frame: Buffer;
}

export interface TraceOptions {
  /** Interface that the packet comes in on; must exist in this network namespace. */
  ifindex: number;
}

/**
 * Runs one packet through the programs of a load with `tracing`, by a test run: nothing is sent, counted, learned or told.
 * @param hook where it arrives: at the tap of a logical port, or at an underlay device with its outer headers
 * @param frame from the destination MAC on; a VLAN tag may be in it
 * @throws Error for a load without `tracing`; BpfError if the kernel takes no such test packet (ENODEV, EINVAL)
 */
export function tracePacket(
  load: LoadedModules,
  hook: 'entry' | 'uplink',
  frame: Buffer,
  { ifindex }: TraceOptions,
): TracedPacket {
  if (!load.tracing)
    throw new Error('the modules were loaded without tracing: a test run would send packets');
  const key = Buffer.alloc(4);
  load.maps.iov_trace.update(key, Buffer.alloc(iov_traceCodec.size));
  const { data } = load[hook].testRun({ data: frame, ctx: { ifindex } });
  // The other CPUs' traces are empty still.
  const traces = (load.maps.iov_trace.lookupPerCpu(key) ?? []).map((bytes) => iov_traceCodec.decode(bytes));
  const { count, events } = traces.find((trace) => trace.count > 0) ?? { count: 0, events: [] };
  return {
    events: events.slice(0, count).map((event) => describe(load, event)),
    truncated: count > iov_constant.IOV_TRACE_EVENTS,
    frame: data,
  };
}

function describe(load: LoadedModules, { kind, value, port, key: both }: iov_trace_event): TraceEvent {
  const where = { datapath: both >>> 16, key: both & 0xffff };
  switch (kind) {
    case kinds.IOV_TRACE_MODULE:
      return { kind: 'module', ...programOf(load, value) };
    case kinds.IOV_TRACE_DROP:
      return { kind: 'drop', reason: reasonOf(value), port, ...where };
    case kinds.IOV_TRACE_DELIVER:
      return { kind: 'deliver', port, ...where };
    case kinds.IOV_TRACE_COPY:
      return { kind: 'copy', port, ...where };
    case kinds.IOV_TRACE_TUNNEL:
      return { kind: 'tunnel', tunnel: value, ...where };
    case kinds.IOV_TRACE_TUNNEL_COPY:
      return { kind: 'tunnel-copy', tunnel: value, ...where };
    case kinds.IOV_TRACE_EVENT:
      return { kind: 'event', event: value, port, ...where };
    case kinds.IOV_TRACE_PASS:
      return { kind: 'pass' };
    default:
      throw new Error(`iov_trace has an event of unknown kind ${kind}`);
  }
}

function programOf(load: LoadedModules, value: number): { module: string; program: string; slot?: number } {
  const hooks = { [iov_slot.IOV_SLOT_COUNT]: load.entry, [iov_slot.IOV_SLOT_COUNT + 1]: load.uplink };
  for (const { name: module, programs } of load.modules) {
    for (const { function: program, program: loaded, slot } of programs) {
      if (hooks[value] === loaded) return { module, program };
      if (slot === value) return { module, program, slot };
    }
  }
  throw new Error(`iov_trace names slot ${value}, which no module has`);
}

function reasonOf(value: number): string {
  return dropReasons.find((reason) => reason.value === value)?.name ?? String(value);
}
