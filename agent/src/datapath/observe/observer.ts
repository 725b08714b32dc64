import { type BpfMap, RingBuffer } from '@iovisor-ovn/libbpf';
import {
  type iov_event,
  iov_eventCodec,
  iov_mcast_event_layout,
  type iov_path_mtu_event,
  iov_path_mtu_eventCodec,
  iov_event_kind as kind,
} from '../abi.js';
import type { Compiler } from '../compiler.js';
import { igmpMemberships, type Membership, mldMemberships } from './membership.js';

/** What the data plane saw, in terms of resources. */
export type Observation =
  /** A source MAC at a port that learns. */
  | { kind: 'mac'; portId: string; mac: Buffer }
  /** A parent announced the address of a virtual port. */
  | { kind: 'virtual'; portId: string; parentId: string }
  /** The machine of a port that waited for its RARP sent it. */
  | { kind: 'activated'; portId: string }
  /** The machine of a port joined or left a multicast group, or asks who did. */
  | { kind: 'membership'; portId: string; membership: Membership };

/** Between two looks at the ring buffer, and after each slice of it: a flood of events costs a share of time. */
const PAUSE_MS = 20;

/**
 * Reads iov_events. Numbers are those of this agent's ports: an event that is of none, or of one that has gone meanwhile, is
 * dropped.
 */
export class Observer {
  readonly #compiler: Compiler;
  readonly #tell: (observation: Observation) => void;
  readonly #tellPathMtu: (event: iov_path_mtu_event) => void;
  readonly #ring: RingBuffer;

  constructor(
    events: BpfMap,
    compiler: Compiler,
    tell: (observation: Observation) => void,
    tellPathMtu: (event: iov_path_mtu_event) => void,
  ) {
    this.#compiler = compiler;
    this.#tell = tell;
    this.#tellPathMtu = tellPathMtu;
    this.#ring = new RingBuffer(events, (record) => this.#read(record), { pauseMs: PAUSE_MS });
  }

  close(): void {
    this.#ring.close();
  }

  #read(record: Buffer): void {
    if (record.length >= 4 && record.readUInt32LE(0) === kind.IOV_EVENT_PATH_MTU) {
      if (record.length === iov_path_mtu_eventCodec.size)
        this.#tellPathMtu(iov_path_mtu_eventCodec.decode(record));
      return;
    }
    if (record.length < iov_eventCodec.size || record.readUInt32LE(0) >= kind.IOV_EVENT_IGMP) {
      for (const observation of membershipsOf(record, this.#compiler)) this.#tell(observation);
      return;
    }
    if (record.length !== iov_eventCodec.size) return;
    const event = iov_eventCodec.decode(record);
    const observation = observationOf(event, this.#compiler);
    if (observation !== undefined) this.#tell(observation);
  }
}

/** Of a struct iov_mcast_event, which ends with its message. Exported for tests. */
export function membershipsOf(record: Buffer, compiler: Compiler): Observation[] {
  const { offsets } = iov_mcast_event_layout;
  if (record.length <= offsets.message) return [];
  const portId = compiler.localPortOf(
    record.readUInt32LE(offsets.port),
    record.readUInt16LE(offsets.port_key),
  );
  if (portId === undefined) return [];
  const message = record.subarray(offsets.message);
  const found =
    record.readUInt32LE(offsets.kind) === kind.IOV_EVENT_IGMP
      ? igmpMemberships(message)
      : mldMemberships(message);
  return found.map((membership) => ({ kind: 'membership', portId, membership }));
}

/** Exported for tests. @returns undefined: it concerns no port that is here */
export function observationOf(event: iov_event, compiler: Compiler): Observation | undefined {
  const portId = compiler.localPortOf(event.port, event.port_key);
  if (portId === undefined) return undefined;
  const port = compiler.resources.ports.get(portId)!;
  switch (event.kind) {
    case kind.IOV_EVENT_MAC:
      return port.learn ? { kind: 'mac', portId, mac: Buffer.from(event.mac) } : undefined;
    case kind.IOV_EVENT_VIRTUAL: {
      const virtual = port.virtualAddresses.find(
        ({ portId: id }) => compiler.resources.ports.get(id)?.tunnelKey === event.key,
      );
      return virtual && { kind: 'virtual', portId: virtual.portId, parentId: portId };
    }
    case kind.IOV_EVENT_RARP:
      return port.awaitsRarp ? { kind: 'activated', portId } : undefined;
    default:
      return undefined;
  }
}
